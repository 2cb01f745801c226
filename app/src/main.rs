//! The `purser` binary: one program for the portals, the worker, the demo and every command of the contract. It reads the command
//! line and hands over to `cli`; what a command does is the engine's.

mod assets;
mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
