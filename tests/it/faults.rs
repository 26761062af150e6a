//! What breaks behind and before the door: the user's outcome is exact, and the next request works.

mod clients;
