//! What breaks behind and before the door: origins, mirrors, the disk, clients. The user's outcome is exact, and the next
//! request works.

mod behind;
mod clients;
mod disk;
mod mirrors;
mod origins;
mod scripts;
mod waiting;
