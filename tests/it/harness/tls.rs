//! TLS as clients see it: certificates made with the `openssl` command, and a client that says which one it was shown.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme, StreamOwned, SupportedProtocolVersion};

use super::PATIENCE;
use super::client::{Answer, request};
use super::wire::{find, header};

/// A certificate and its key, in files.
#[derive(Clone)]
pub struct Made {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Made {
    /// Self-signed, for these names (`DNS:a.test`), valid for so many days.
    pub fn new(folder: &Path, file: &str, names: &str, days: u32) -> Self {
        let made = Self::at(folder, file);
        openssl(
            &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
            &["-days", &days.to_string(), "-subj", "/CN=x", "-addext", &format!("subjectAltName={names}")],
            &[("-out", &made.certificate), ("-keyout", &made.key)],
        );
        made
    }

    /// Self-signed, and over by now.
    pub fn expired(folder: &Path, file: &str) -> Self {
        let (made, wish) = Self::wished(folder, file, "/CN=old");
        let extensions = folder.join(format!("{file}.ext"));
        fs::write(&extensions, "subjectAltName=DNS:old.test\n").unwrap();
        let files = [("-in", &wish), ("-signkey", &made.key), ("-extfile", &extensions), ("-out", &made.certificate)];
        openssl(&["x509", "-req", "-days", "0"], &[], &files.map(|(flag, path)| (flag, path.as_path())));
        made
    }

    /// Signed by this authority.
    pub fn signed_by(authority: &Self, folder: &Path, file: &str) -> Self {
        let (made, wish) = Self::wished(folder, file, "/CN=client");
        let extensions = folder.join(format!("{file}.ext"));
        fs::write(&extensions, "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n").unwrap();
        openssl(
            &["x509", "-req", "-days", "10", "-CAcreateserial"],
            &[],
            &[
                ("-in", &wish),
                ("-CA", &authority.certificate),
                ("-CAkey", &authority.key),
                ("-extfile", &extensions),
                ("-out", &made.certificate),
            ],
        );
        made
    }

    fn at(folder: &Path, file: &str) -> Self {
        Self { certificate: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}.key")) }
    }

    /// A key, and the wish that it be signed.
    fn wished(folder: &Path, file: &str, subject: &str) -> (Self, PathBuf) {
        let made = Self::at(folder, file);
        let wish = folder.join(format!("{file}.csr"));
        openssl(
            &["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
            &["-subj", subject],
            &[("-out", &wish), ("-keyout", &made.key)],
        );
        (made, wish)
    }

    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_file(&self.certificate).unwrap().to_vec()
    }

    /// As the config writes it.
    pub fn entry(&self) -> String {
        format!("{{certificate: {:?}, key: {:?}}}", self.certificate, self.key)
    }

    /// Puts this pair in the place of another one, each file in one step.
    pub fn replace(&self, other: &Self) {
        for (from, to) in [(&self.certificate, &other.certificate), (&self.key, &other.key)] {
            let beside = to.with_extension("beside");
            fs::copy(from, &beside).unwrap();
            fs::rename(beside, to).unwrap();
        }
    }
}

fn openssl(command: &[&str], more: &[&str], files: &[(&str, &Path)]) {
    let files = files.iter().flat_map(|(flag, path)| [flag.to_owned(), path.to_str().unwrap()]);
    let done = Command::new("openssl").args(command).args(more).args(files).output().expect("openssl is installed");
    assert!(done.status.success(), "openssl {command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What a client asks for when it comes.
#[derive(Clone, Default)]
pub struct Hello {
    pub name: Option<String>,
    pub protocols: Vec<&'static str>,
    pub own: Option<Made>,
    pub only: Option<&'static SupportedProtocolVersion>,
}

impl Hello {
    pub fn to(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    pub fn speaking(mut self, protocols: &[&'static str]) -> Self {
        self.protocols = protocols.to_vec();
        self
    }

    /// Kept for several connections, it resumes sessions.
    pub fn config(&self) -> Arc<ClientConfig> {
        let only;
        let versions = match self.only {
            Some(version) => {
                only = [version];
                &only[..]
            }
            None => rustls::DEFAULT_VERSIONS,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer));
        let mut config = match &self.own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
                builder.with_client_auth_cert(vec![own.der().into()], key).unwrap()
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.enable_sni = self.name.is_some();
        Arc::new(config)
    }
}

/// A connection over TLS.
pub struct Secure {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
    ahead: Vec<u8>,
}

impl Secure {
    pub fn connect(address: SocketAddr, hello: &Hello) -> Self {
        Self::try_connect(address, hello.name.as_deref(), hello.config()).expect("the handshake succeeds")
    }

    /// Shakes hands; the error if that fails.
    pub fn try_connect(address: SocketAddr, name: Option<&str>, config: Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from(name.unwrap_or("127.0.0.1").to_owned()).unwrap();
        let mut connection = ClientConnection::new(config, name).unwrap();
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self { stream: StreamOwned::new(connection, socket), ahead: Vec::new() })
    }

    /// The certificate it was shown.
    pub fn shown(&self) -> Vec<u8> {
        self.stream.conn.peer_certificates().unwrap()[0].to_vec()
    }

    pub fn protocol(&self) -> Option<String> {
        self.stream.conn.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned())
    }

    /// `GET` on a kept connection.
    pub fn get(&mut self, target: &str, lines: &[&str]) -> Answer {
        self.try_get(target, lines).expect("an answer comes")
    }

    pub fn try_get(&mut self, target: &str, lines: &[&str]) -> io::Result<Answer> {
        self.stream.write_all(&request("GET", target, lines, b""))?;
        self.stream.flush()?;
        let end = self.fill_until(|ahead| find(ahead, b"\r\n\r\n"))? + 4;
        let head: Vec<u8> = self.ahead.drain(..end).collect();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        self.fill_until(|ahead| (ahead.len() >= length).then_some(0))?;
        Ok(Answer { head, body: self.ahead.drain(..length).collect() })
    }

    fn fill_until(&mut self, there: impl Fn(&[u8]) -> Option<usize>) -> io::Result<usize> {
        loop {
            if let Some(found) = there(&self.ahead) {
                return Ok(found);
            }
            let mut piece = [0; 16_384];
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.ahead.extend_from_slice(&piece[..length]),
            }
        }
    }
}

/// The tests look at the certificate themselves.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
