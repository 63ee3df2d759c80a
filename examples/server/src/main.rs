//! See [`encoder_server`].

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match encoder_server::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("encoder-server: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
