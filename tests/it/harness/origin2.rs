//! An origin that speaks HTTP/2 without TLS, on the `h2` crate.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, Request, Response, Uri};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked2 {
    pub method: String,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked2 {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn is_copy(&self) -> bool {
        self.headers.contains_key("x-matapalo-mirror")
    }
}

/// What the script says.
pub enum Reply {
    /// Status 200 with this body, then these trailers if there are any.
    Whole(Vec<u8>, &'static [(&'static str, &'static str)]),
    /// As `Whole`, of known length.
    Measured(Vec<u8>),
    /// As `Whole`, of a length that is said to be another.
    Said(usize, Vec<u8>),
    /// A head that says that nothing follows, and that is the end.
    SaidAtOnce,
    /// A reset before any answer.
    Reset(Reason),
    /// The head of an answer, this much of its body, and a reset.
    Cut(Vec<u8>),
}

type Script = dyn Fn(&Asked2) -> Reply + Send + Sync;

pub struct Origin2 {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked2>>>,
    connections: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Origin2 {
    /// Reads each request whole, then says what the script says.
    pub fn answering(script: impl Fn(&Asked2) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Asked2>>> = Arc::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let script: Arc<Script> = Arc::new(script);
        let taken = (seen.clone(), connections.clone());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                taken.1.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, taken.0.clone(), script.clone()));
            }
        });
        Self { address, seen, connections, _runtime: runtime }
    }

    pub fn seen(&self) -> Vec<Asked2> {
        self.seen.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Asked2>>>, script: Arc<Script>) {
    stream.set_nodelay(true).ok();
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (seen, script) = (seen.clone(), script.clone());
        tokio::spawn(async move {
            let Some(asked) = read(request).await else { return };
            let reply = script(&asked);
            seen.lock().unwrap().push(asked);
            answer(reply, respond).await;
        });
    }
}

async fn read(request: Request<RecvStream>) -> Option<Asked2> {
    let (head, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        body.flow_control().release_capacity(piece.len()).ok()?;
        whole.extend_from_slice(&piece);
    }
    Some(Asked2 { method: head.method.to_string(), uri: head.uri, headers: head.headers, body: whole })
}

/// The door may have gone away: that is for the test to notice.
async fn answer(reply: Reply, mut respond: SendResponse<Bytes>) {
    match reply {
        Reply::Reset(reason) => respond.send_reset(reason),
        Reply::Whole(body, trailers) => {
            let Ok(mut stream) = respond.send_response(Response::new(()), false) else { return };
            send(&mut stream, body, trailers.is_empty()).await;
            if !trailers.is_empty() {
                let name = HeaderName::from_static;
                let trailers = trailers.iter().map(|(key, value)| (name(key), value.parse().unwrap())).collect();
                stream.send_trailers(trailers).ok();
            }
        }
        Reply::Measured(body) => said(&mut respond, body.len(), body).await,
        Reply::SaidAtOnce => {
            let head = Response::builder().header("content-length", 0).body(()).unwrap();
            respond.send_response(head, true).ok();
        }
        Reply::Said(length, body) => said(&mut respond, length, body).await,
        Reply::Cut(body) => {
            let Ok(mut stream) = respond.send_response(Response::new(()), false) else { return };
            send(&mut stream, body, false).await;
            // What was sent should arrive before the reset.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
    }
}

async fn said(respond: &mut SendResponse<Bytes>, length: usize, body: Vec<u8>) {
    let head = Response::builder().header("content-length", length).body(()).unwrap();
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    send(&mut stream, body, true).await;
}

async fn send(stream: &mut SendStream<Bytes>, body: Vec<u8>, end: bool) {
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        stream.send_data(rest.split_to(room.min(rest.len())), false).ok();
    }
    if end {
        stream.send_data(Bytes::new(), true).ok();
    }
}
