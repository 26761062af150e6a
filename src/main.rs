//! The binary: everything is in the library, see `src/lib.rs`.

/// A fifth less CPU per request than the system's allocator, measured on the plain door.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    matapalo::cli::main()
}
