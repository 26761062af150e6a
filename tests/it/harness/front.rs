//! Other ways to reach an origin: a unix socket or TLS in front of it, and the certificates for that.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pingora::tls::{
    ClientCertVerifier, RootCertStore, ServerConfig, TlsAcceptor, WebPkiClientVerifier,
    install_default_crypto_provider, load_ca_file_into_store, load_certs_and_key_files,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Runtime;

/// Takes connections and passes them on to an origin, until it is dropped.
pub struct Front {
    /// Of a front with TLS.
    pub address: SocketAddr,
    _runtime: Runtime,
}

impl Front {
    /// A unix socket at `path`.
    pub fn unix(path: &Path, origin: SocketAddr) -> Self {
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();
        let listener = UnixListener::bind(path).unwrap();
        runtime.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut origin = TcpStream::connect(origin).await.unwrap();
                    copy_bidirectional(&mut stream, &mut origin).await.ok();
                });
            }
        });
        drop(_entered);
        Self { address: origin, _runtime: runtime }
    }

    /// TLS with this certificate; clients must show one that `clients` has signed, if there is such.
    pub fn tls(own: &Pair, clients: Option<&Pair>, origin: SocketAddr) -> Self {
        install_default_crypto_provider();
        let (chain, key) = load_certs_and_key_files(&text(&own.certificate), &text(&own.key)).unwrap().unwrap();
        let config = ServerConfig::builder();
        let config = match clients {
            Some(authority) => config.with_client_cert_verifier(signed_by(authority)),
            None => config.with_no_client_auth(),
        };
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut origin = TcpStream::connect(origin).await.unwrap();
                    copy_bidirectional(&mut stream, &mut origin).await.ok();
                });
            }
        });
        Self { address, _runtime: runtime }
    }
}

fn signed_by(authority: &Pair) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    load_ca_file_into_store(&authority.certificate, &mut roots).unwrap();
    WebPkiClientVerifier::builder(roots.into()).build().unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A certificate and its key, as PEM files.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// An authority of its own, made with `openssl`.
    pub fn authority(folder: &Path, name: &str) -> Self {
        let pair = Self::at(folder, name);
        openssl(
            &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
            &[("-subj", &format!("/CN={name}")), ("-keyout", &text(&pair.key)), ("-out", &text(&pair.certificate))],
        );
        pair
    }

    /// A certificate for these names (`DNS:site.test`, `IP:127.0.0.1`), signed by `self`.
    pub fn signs(&self, folder: &Path, name: &str, names: &str) -> Self {
        let pair = Self::at(folder, name);
        let (request, extensions) = (folder.join(format!("{name}.csr")), folder.join(format!("{name}.ext")));
        fs::write(&extensions, format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n")).unwrap();
        openssl(
            &["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
            &[("-subj", &format!("/CN={name}")), ("-keyout", &text(&pair.key)), ("-out", &text(&request))],
        );
        openssl(
            &["x509", "-req", "-days", "2", "-CAcreateserial"],
            &[
                ("-in", &text(&request)),
                ("-CA", &text(&self.certificate)),
                ("-CAkey", &text(&self.key)),
                ("-extfile", &text(&extensions)),
                ("-out", &text(&pair.certificate)),
            ],
        );
        pair
    }

    fn at(folder: &Path, name: &str) -> Self {
        Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
    }
}

fn openssl(first: &[&str], options: &[(&str, &str)]) {
    let options = options.iter().flat_map(|(name, value)| [*name, *value]);
    let done = Command::new("openssl").args(first).args(options).stdin(Stdio::null()).output().expect("openssl runs");
    assert!(done.status.success(), "openssl {first:?}: {}", String::from_utf8_lossy(&done.stderr));
}
