//! Asks the running door, through its admin window.
//!
//! Where the window is: what the command line or the environment says, else the config, else the default. A config that
//! is broken is searched as text, because a rollback must work exactly then.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::AdminTarget;
use crate::admin::answer::Problem;
use crate::config::settings::Address;
use crate::config::{self, Settings};

/// Where a door listens whose config does not say.
pub const DEFAULT_ADMIN: &str = "127.0.0.1:9901";
/// The store of a config that names none, in the config's folder.
const DEFAULT_STORE: &str = "matapalo.db";
/// Longer than a door with a full disk takes to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The status of ten thousand routes is a tenth of it.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A running door's window, as far as it can be known before it answers.
#[derive(Debug)]
pub struct DoorAt {
    address: Address,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub enum Heard<T> {
    Answer(T),
    /// Nobody listens there: the door is not running.
    Nobody,
}

impl DoorAt {
    /// # Errors
    /// The address cannot be read as one, or the token cannot be read.
    pub fn find(config: &Path, target: &AdminTarget) -> anyhow::Result<Self> {
        let said = Said::by(config);
        let written = target.admin.clone().or(said.admin).unwrap_or_else(|| DEFAULT_ADMIN.to_owned());
        let address = parse(&written)?;
        let token = match target.token_file.clone().or(said.token_file) {
            Some(path) => Some(read_token(&path)?),
            None => None,
        };
        Ok(Self { address, token })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// # Errors
    /// The door refuses, or what answers is no door.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Heard<T>> {
        self.ask(Method::GET, path, Vec::new())
    }

    /// # Errors
    /// The door refuses, or what answers is no door.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Heard<T>> {
        self.ask(Method::POST, path, serde_json::to_vec(body)?)
    }

    fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Heard<T>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let request = self.request(method, path, body)?;
        let exchange = async { tokio::time::timeout(PATIENCE, self.exchange(request)).await };
        let heard =
            runtime.block_on(exchange).map_err(|_| anyhow!("{} does not answer within {PATIENCE:?}", self.address))?;
        match heard? {
            Heard::Nobody => Ok(Heard::Nobody),
            Heard::Answer((status, body)) => self.read(status, &body).map(Heard::Answer),
        }
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Request<Full<Bytes>>> {
        let host = match &self.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(_) => "localhost".to_owned(),
        };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        Ok(request.body(Full::new(body.into()))?)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Heard<(StatusCode, Bytes)>> {
        let connected = match &self.address {
            Address::Tcp(address) => {
                TcpStream::connect(address).await.map(|stream| Box::new(stream) as Box<dyn Stream>)
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as Box<dyn Stream>),
        };
        match connected {
            Ok(stream) => {
                let answer = speak(stream, request).await;
                answer.map(Heard::Answer).with_context(|| format!("asking the door at {}", self.address))
            }
            Err(error) if [io::ErrorKind::ConnectionRefused, io::ErrorKind::NotFound].contains(&error.kind()) => {
                Ok(Heard::Nobody)
            }
            Err(error) => Err(error).with_context(|| format!("connecting to {}", self.address)),
        }
    }

    fn read<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
        if status.is_success() {
            return serde_json::from_slice(body)
                .with_context(|| format!("what answers at {} is not this version of matapalo", self.address));
        }
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => bail!("{}", problem.detail),
            Err(_) => bail!("what answers at {} is not matapalo: status {status}", self.address),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn speak(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driven = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    driven.abort();
    Ok((status, body.map_err(|error| anyhow!(error))?.to_bytes()))
}

/// `host:port` or `unix:PATH`.
fn parse(written: &str) -> anyhow::Result<Address> {
    if let Some(path) = written.strip_prefix("unix:") {
        return Ok(Address::Unix(PathBuf::from(path)));
    }
    if let Ok(mut address) = written.parse::<SocketAddr>() {
        // A door that listens everywhere is reached from here by loopback.
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        return Ok(Address::Tcp(address));
    }
    let mut found = written
        .to_socket_addrs()
        .with_context(|| format!("the admin address is {written:?}, want host:port or unix:PATH"))?;
    found.next().map(Address::Tcp).with_context(|| format!("the name in {written:?} has no address"))
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading the admin token from {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// What the config says that the commands about a running door need: compiled if it compiles, else found in its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    admin: Option<String>,
    token_file: Option<PathBuf>,
    pub store: Option<PathBuf>,
    /// The routes' names; `None`: the config is broken, so they are not known for certain.
    pub routes: Option<Vec<String>>,
}

impl Said {
    pub fn by(config: &Path) -> Self {
        if let Ok(settings) = config::consult(config) {
            return Self::in_settings(&settings);
        }
        let text = std::fs::read(config).unwrap_or_default();
        let folder = config.parent().unwrap_or(Path::new(""));
        Self::in_text(&String::from_utf8_lossy(&text), folder)
    }

    fn in_settings(settings: &Settings) -> Self {
        Self {
            admin: Some(settings.admin.address.to_string()),
            token_file: settings.admin.token_file.clone(),
            store: Some(settings.store.path.clone()),
            routes: Some(settings.routes.iter().map(|route| route.name.to_string()).collect()),
        }
    }

    /// The config is broken, and not even its text says where a door is or what it writes.
    pub fn is_nothing(&self) -> bool {
        (&self.admin, &self.store, &self.routes) == (&None, &None, &None)
    }

    pub fn store_path(&self, config: &Path) -> PathBuf {
        let beside_config = || config.parent().unwrap_or(Path::new("")).join(DEFAULT_STORE);
        self.store.clone().unwrap_or_else(beside_config)
    }

    fn in_text(text: &str, folder: &Path) -> Self {
        let admin = block(text, "admin");
        Self {
            admin: value(&admin, "address").map(|address| under(folder, &address)),
            token_file: value(&admin, "token_file").map(|path| folder.join(path)),
            store: value(&block(text, "store"), "path").map(|path| folder.join(path)),
            routes: None,
        }
    }
}

/// A relative socket path starts from the config's folder, as everywhere in the config.
fn under(folder: &Path, address: &str) -> String {
    match address.strip_prefix("unix:") {
        Some(path) => format!("unix:{}", folder.join(path).display()),
        None => address.to_owned(),
    }
}

/// The lines of a top-level key: its own, and the indented and empty ones below it. Comments left out.
fn block(text: &str, key: &str) -> String {
    let start = format!("{key}:");
    let mut lines = text.split_inclusive('\n').skip_while(|line| !line.starts_with(&start));
    let Some(first) = lines.next() else { return String::new() };
    let own = first.get(start.len()..).unwrap_or_default();
    let below = lines.take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t', '#', '}']));
    let uncommented = |line: &str| match line.split_once(" #") {
        Some((before, _)) => format!("{before}\n"),
        None => line.to_owned(),
    };
    std::iter::once(own).chain(below).map(uncommented).collect()
}

/// The text behind `key:` in a block, flow or indented, quoted or bare. Where the file ends with it, it may be half of what was
/// written, and half an address is another one.
fn value(block: &str, key: &str) -> Option<String> {
    let behind = |at: usize| block.get(at + key.len()..).and_then(|rest| rest.trim_start().strip_prefix(':'));
    let starts = |at: usize| at == 0 || block[..at].ends_with([' ', '\t', '\n', '{', ',', '"', '\'']);
    let (_, rest) =
        block.match_indices(key).filter(|(at, _)| starts(*at)).find_map(|(at, _)| Some((at, behind(at)?)))?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (value, _) = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest.get(1..)?.split_once([quote, '\n'])?,
        _ => rest.split_once([',', '}', '\n', ' '])?,
    };
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(text: &str) -> Said {
        Said::in_text(text, Path::new("/etc/site"))
    }

    #[test]
    fn a_broken_config_still_tells_where_the_window_is() {
        let flow = said("version: 1\nadmin: {address: \"127.0.0.1:7000\", token_file: t} # here\nroutes: [\n");
        assert_eq!(flow.admin.as_deref(), Some("127.0.0.1:7000"));
        assert_eq!(flow.token_file.unwrap(), Path::new("/etc/site/t"));

        let indented =
            said("admin:\n  # address: 1.2.3.4:1\n  address: unix:run/admin.sock\nstore:\n  path: '/var/x y.db'\n}}}");
        assert_eq!(indented.admin.as_deref(), Some("unix:/etc/site/run/admin.sock"));
        assert_eq!(indented.store.unwrap(), Path::new("/var/x y.db"));
    }

    #[test]
    fn an_address_elsewhere_is_not_the_windows() {
        assert_eq!(said("listeners:\n  - address: 0.0.0.0:80\nstore: {max_size: 1MiB}\n"), Said::default());
        assert_eq!(said(""), Said::default());
        assert_eq!(said("admin:"), Said::default());
        assert_eq!(said("admin: {address"), Said::default());
    }

    #[test]
    fn half_an_address_is_none() {
        for cut in
            ["admin: {address: 127.0.0.1:70", "admin: {address: \"127.0.0.1:70", "admin:\n  address: 127.0.0.1:70"]
        {
            assert!(said(cut).is_nothing(), "{cut}");
        }
        for whole in
            ["admin: {address: 127.0.0.1:70}", "admin: {address: '127.0.0.1:70'", "admin:\n  address: 127.0.0.1:70 #"]
        {
            assert_eq!(said(whole).admin.as_deref(), Some("127.0.0.1:70"), "{whole}");
        }
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!(parse("unix:/run/a.sock").unwrap(), Address::Unix("/run/a.sock".into()));
        assert_eq!(parse("0.0.0.0:9901").unwrap(), Address::Tcp("127.0.0.1:9901".parse().unwrap()));
        assert_eq!(parse("[::]:9901").unwrap(), Address::Tcp("[::1]:9901".parse().unwrap()));
        assert!(parse("9901").unwrap_err().to_string().contains("want host:port or unix:PATH"));
    }
}
