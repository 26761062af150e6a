//! A well-behaved HTTP/2 client without TLS, on the `h2` crate.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// One connection.
#[derive(Clone)]
pub struct Http2 {
    pub send: SendRequest<Bytes>,
}

#[derive(Debug)]
pub struct Answer2 {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer2 {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Runs a story that speaks HTTP/2; it must be over in good time.
pub fn story<T>(told: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE * 3, told).await.expect("the story comes to its end") })
}

impl Http2 {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (send, connection) =
            h2::client::Builder::new().initial_window_size(1 << 20).handshake(stream).await.expect("HTTP/2 is spoken");
        tokio::spawn(async move { connection.await.ok() });
        Self { send }
    }

    pub async fn get(&self, target: &str) -> Answer2 {
        self.ask("GET", target, &[], b"").await.expect("an answer")
    }

    /// The answer, or how the stream or the connection ended.
    pub async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer2, h2::Error> {
        let mut request = Request::builder().method(method).uri(format!("http://site.test{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut ready = self.send.clone().ready().await?;
        let (answer, mut upload) = ready.send_request(request.body(()).unwrap(), body.is_empty())?;
        let mut rest = Bytes::copy_from_slice(body);
        while !rest.is_empty() {
            upload.reserve_capacity(rest.len());
            match poll_fn(|cx| upload.poll_capacity(cx)).await {
                Some(Ok(room)) => {
                    let piece = rest.split_to(room.min(rest.len()));
                    upload.send_data(piece, rest.is_empty())?;
                }
                // The door has answered without wanting the rest.
                _ => break,
            }
        }
        Ok(read(answer.await?).await?.0)
    }

    /// `GET`, for clients that look at the end as well.
    pub async fn with_trailers(&self, target: &str) -> (Answer2, HeaderMap) {
        let request = Request::get(format!("http://site.test{target}")).header("te", "trailers").body(()).unwrap();
        let (answer, _) = self.send.clone().ready().await.unwrap().send_request(request, true).unwrap();
        read(answer.await.unwrap()).await.unwrap()
    }
}

async fn read(answer: Response<RecvStream>) -> Result<(Answer2, HeaderMap), h2::Error> {
    let (head, mut download) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = download.data().await {
        let piece = piece?;
        download.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let trailers = download.trailers().await?.unwrap_or_default();
    Ok((Answer2 { status: head.status, headers: head.headers, body }, trailers))
}

/// Waits in a story without stopping its connections.
pub async fn meanwhile(mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("what was waited for happens");
}
