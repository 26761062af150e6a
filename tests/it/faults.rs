//! What breaks behind and before the door: origins, mirrors, clients. The user's outcome is exact, and the next request works.

mod clients;
mod mirrors;
mod origins;
mod scripts;
