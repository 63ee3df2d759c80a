//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use encoder_core::store::StateStore;
use encoder_core::tasks::{Clock, Supervisor};
use tokio::net::TcpListener;

use crate::audit::{AuditConfig, AuditEntry, AuditLog};
use crate::auth::{ApiKeys, Scope};
use crate::config::{self, AuthConfig, LogConfig, LogFormat, ServerConfig};
use crate::state::AppState;
use crate::{demo, probe, serve};

/// Libraries whose finer log levels show what they carry, keys included.
const QUIET: &str = "hyper=info,h2=info,tungstenite=info,rustls=info,engineioxide=info,\
                     socketioxide=info";

/// Keeps live streams on air: watches hardware encoders and fails over between them.
#[derive(Debug, Parser)]
#[command(name = "encoder-server", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(ServeArgs),
    /// Manages API keys in the database of a server, running or not.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Tells everything that is wrong with a configuration file.
    CheckConfig {
        /// The file.
        file: PathBuf,
        /// A file of environment variables that is laid over it.
        #[arg(long)]
        env: Option<PathBuf>,
    },
    /// Asks a running server whether it is well.
    Probe(probe::ProbeArgs),
    /// Shows trouble, and what becomes of it, on six simulated encoders.
    Demo(demo::DemoArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Configuration file; see config.example.yaml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Address to listen on, instead of the configured one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Folder of the database, instead of the configured one.
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Makes a key and prints it, this once.
    Create {
        /// Whose it is.
        #[arg(long)]
        name: String,
        /// What it allows: read, control or admin.
        #[arg(long)]
        scope: Scope,
        /// Folder of the database.
        #[arg(long, default_value = "data")]
        data: PathBuf,
        /// How many days it lasts.
        #[arg(long, default_value_t = AuthConfig::default().expiry_days)]
        days: u32,
    },
    /// Lists the keys, without the keys themselves.
    List {
        /// Folder of the database.
        #[arg(long, default_value = "data")]
        data: PathBuf,
    },
    /// Ends a key.
    Revoke {
        /// Id of the key.
        id: String,
        /// Folder of the database.
        #[arg(long, default_value = "data")]
        data: PathBuf,
    },
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => args.run(),
            Command::Keys(command) => block_on(command.run()),
            Command::CheckConfig { file, env } => Ok(check_config(&file, env.as_deref())),
            Command::Probe(args) => block_on(async {
                args.run().await?;
                Ok(ExitCode::SUCCESS)
            }),
            Command::Demo(args) => {
                start_logging(&demo_log());
                block_on(demo::run(args))
            }
        }
    }
}

impl ServeArgs {
    fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = config::load(self.config.as_deref(), Some(Path::new(".env")))?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.data = self.data.unwrap_or(config.data);
        start_logging(&config.log);
        block_on(serve_until_told(config))
    }
}

async fn serve_until_told(config: ServerConfig) -> anyhow::Result<ExitCode> {
    let store = Arc::new(serve::open_store(&config.data).await?);
    let manager = serve::build_manager(&config, store).await?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let state = AppState::new(manager, config);
    serve::serve(state, listener, serve::termination()).await?;
    Ok(ExitCode::SUCCESS)
}

impl KeysCommand {
    async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create {
                name,
                scope,
                data,
                days,
            } => {
                let lifetime = Duration::from_secs(u64::from(days) * 86_400);
                let expires_at = Clock::system().now().plus(lifetime);
                let (keys, audit) = open_keys(&data).await?;
                let (record, key) = keys.create(&name, scope, Some(expires_at)).await?;
                let done = AuditEntry::of_command(audit.now(), "keys create", &record.id);
                audit.write(&done).await?;
                eprintln!(
                    "{} with scope {scope} until {}",
                    record.id, record.expires_at
                );
                println!("{}", key.expose());
            }
            Self::List { data } => {
                for key in open_keys(&data).await?.0.list().await? {
                    let revoked = if key.revoked_at.is_some() {
                        " revoked"
                    } else {
                        ""
                    };
                    println!(
                        "{} {} {} until {}{revoked}",
                        key.id, key.scope, key.name, key.expires_at
                    );
                }
            }
            Self::Revoke { id, data } => {
                let (keys, audit) = open_keys(&data).await?;
                let record = keys.revoke(&id).await?;
                let done = AuditEntry::of_command(audit.now(), "keys revoke", &record.id);
                audit.write(&done).await?;
                println!("{} is revoked", record.id);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn open_keys(data: &Path) -> anyhow::Result<(ApiKeys, AuditLog)> {
    let store: Arc<dyn StateStore> = Arc::new(serve::open_store(data).await?);
    let clock = Clock::system();
    let keys = ApiKeys::new(Arc::clone(&store), clock.clone(), AuthConfig::default());
    let audit = AuditLog::new(store, clock, AuditConfig::default(), Supervisor::new());
    Ok((keys, audit))
}

/// One line per problem.
fn check_config(file: &Path, env: Option<&Path>) -> ExitCode {
    let problems = config::check_files(file, env);
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("{}: fine", file.display());
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// The demo speaks for itself; only trouble is logged.
fn demo_log() -> LogConfig {
    LogConfig {
        format: LogFormat::Human,
        filter: "error".to_owned(),
    }
}

fn start_logging(config: &LogConfig) {
    let filter = tracing_subscriber::EnvFilter::new(format!("{},{QUIET}", config.filter));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Human => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}

fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
