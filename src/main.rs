//! The `posed` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    posed::cli::main()
}
