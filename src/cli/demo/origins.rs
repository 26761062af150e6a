//! Two small shops: one as PHP writes it, and its port with five bugs and the usual harmless differences.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Page = Response<Full<Bytes>>;

/// Name, price in hundredths times ten (so that rounding has something to do), and maker.
const ITEMS: [(&str, u32, Option<&str>); 5] = [
    ("apple & pear", 1_005, Some("Orchard")),
    ("Banana", 2_345, None),
    ("cherry's", 120, Some("Müller")),
    ("Date", 1_500, Some("Oasis")),
    ("élan", 995, None),
];

/// Both origins, serving until dropped.
pub struct Origins {
    pub legacy: SocketAddr,
    pub new: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// Which shop a page is made by.
#[derive(Clone, Copy)]
enum Shop {
    Php,
    Port,
}

impl Origins {
    /// # Errors
    /// No free port, no thread.
    pub fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let (php, port) = (listen()?, listen()?);
        let (legacy, new) = (php.local_addr()?, port.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("origins".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(php, Shop::Php) => {}
                    () = serve(port, Shop::Port) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { legacy, new, _stop: stop })
    }
}

async fn serve(listener: TcpListener, shop: Shop) {
    let serial = Arc::new(AtomicU64::new(1));
    while let Ok((stream, _)) = listener.accept().await {
        let serial = serial.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let serial = serial.fetch_add(1, Ordering::Relaxed);
            async move { Ok::<_, Infallible>(shop.answer(request.uri(), serial)) }
        });
        // A visitor who leaves in the middle is no trouble to a demo.
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Shop {
    fn answer(self, uri: &http::Uri, serial: u64) -> Page {
        match uri.path() {
            "/about" => self.html("<h1>About</h1>\n<p>A small shop.</p>", serial),
            "/shop.php" => self.redirect("/items/1"),
            "/search" => self.html(&self.search(), serial),
            "/api/items" => self.json(),
            "/imprint" => self.only_php("<h1>Imprint</h1>", serial),
            path => match path.strip_prefix("/items/").and_then(|id| id.parse::<usize>().ok()).and_then(item) {
                Some(item) => self.html(&self.item(item, serial), serial),
                None => self.not_found(),
            },
        }
    }

    /// Bugs: `None` printed, the price rounded half to even.
    fn item(self, (name, price, maker): (&str, u32, Option<&str>), serial: u64) -> String {
        let maker = maker.unwrap_or(match self {
            Self::Php => "",
            Self::Port => "None",
        });
        let name = self.escaped(name);
        let token = format!("{:032x}", serial.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        format!(
            "<h1>{name}</h1>\n<p class=\"maker\">{maker}</p>\n<p class=\"price\">{}</p>\n\
             <form action=\"/cart\" method=\"post\"><input type=\"hidden\" name=\"csrf_token\" value=\"{token}\"><button>Buy</button></form>",
            self.rounded(price)
        )
    }

    /// Bug: sorted by bytes instead of by alphabet.
    fn search(self) -> String {
        let mut names = ITEMS.map(|(name, _, _)| name);
        match self {
            Self::Php => names.sort_by_key(|name| name.to_lowercase()),
            Self::Port => names.sort_unstable(),
        }
        let rows = names.map(|name| format!("<li>{}</li>\n", self.escaped(name)));
        format!("<h1>All items</h1>\n<ul id=\"items\">\n{}</ul>", rows.concat())
    }

    /// Harmless: `\/` and escaped letters, as `json_encode` writes them.
    fn json(self) -> Page {
        let text = match self {
            Self::Php => r#"{"items":5,"next":"\/api\/items?page=2","name":"\u00e9lan","price":10}"#,
            Self::Port => r#"{"items": 5, "name": "élan", "next": "/api/items?page=2", "price": 10.0}"#,
        };
        self.page(StatusCode::OK, "application/json", text.to_owned())
    }

    /// Bug: 307 keeps the method, 302 does not.
    fn redirect(self, to: &str) -> Page {
        let status = match self {
            Self::Php => StatusCode::FOUND,
            Self::Port => StatusCode::TEMPORARY_REDIRECT,
        };
        let mut page = self.page(status, "text/html; charset=UTF-8", String::new());
        if let Ok(to) = to.parse() {
            page.headers_mut().insert(http::header::LOCATION, to);
        }
        page
    }

    fn only_php(self, body: &str, serial: u64) -> Page {
        match self {
            Self::Php => self.html(body, serial),
            Self::Port => self.page(StatusCode::NOT_IMPLEMENTED, "text/plain", "not ported".to_owned()),
        }
    }

    fn not_found(self) -> Page {
        self.page(StatusCode::NOT_FOUND, "text/html; charset=UTF-8", "<h1>Not found</h1>".to_owned())
    }

    /// Harmless: indentation, and how the page is closed.
    fn html(self, body: &str, serial: u64) -> Page {
        let text = match self {
            Self::Php => format!(
                "<!DOCTYPE html>\n<html>\n  <head><title>Shop</title></head>\n  <body>\n{body}\n<br />\n  </body>\n</html>\n"
            ),
            Self::Port => {
                format!("<!doctype html><html><head><title>Shop</title></head><body>{body}<br></body></html>")
            }
        };
        let mut page = self.page(StatusCode::OK, "text/html; charset=UTF-8", text);
        if let Ok(id) = format!("{serial:x}").parse() {
            page.headers_mut().insert("x-request-id", id);
        }
        page
    }

    /// Bug: the port forgot a header, on every page.
    fn page(self, status: StatusCode, content_type: &'static str, text: String) -> Page {
        let page = Response::builder().status(status).header("content-type", content_type);
        let page = match self {
            Self::Php => page.header("x-powered-by", "PHP/8.2").header("x-content-type-options", "nosniff"),
            Self::Port if content_type == "application/json" => page,
            Self::Port => page.header("x-content-type-options", "nosniff"),
        };
        page.body(Full::from(text)).unwrap_or_default()
    }

    fn escaped(self, text: &str) -> String {
        let apostrophe = match self {
            Self::Php => "&#039;",
            Self::Port => "&#x27;",
        };
        text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', apostrophe)
    }

    /// PHP rounds half away from zero, Python half to even.
    fn rounded(self, tenths: u32) -> String {
        let (whole, rest) = (tenths / 10, tenths % 10);
        let up = match self {
            Self::Php => rest >= 5,
            Self::Port => rest > 5 || (rest == 5 && whole % 2 == 1),
        };
        let hundredths = whole + u32::from(up);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

fn item(id: usize) -> Option<(&'static str, u32, Option<&'static str>)> {
    ITEMS.get(id.checked_sub(1)?).copied()
}
