//! The `posed` binary. All code is in the library.

fn main() -> std::process::ExitCode {
    posed::cli::main()
}
