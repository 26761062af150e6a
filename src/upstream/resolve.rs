//! Names that nobody has asked for yet: all at once, and none of them is waited for longer than for an answer that comes.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

use super::Endpoint;

/// How long a door that opens, or an edit, waits for names. The resolver itself gives up after ten seconds and more; what it says then
/// is still heard, and the prober goes on asking.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Asked at once.
const THREADS: usize = 32;

/// Waits until these endpoints have addresses, or for so long.
pub fn all(endpoints: Vec<Arc<Endpoint>>) {
    let unknown = VecDeque::from(endpoints);
    let threads = unknown.len().min(THREADS);
    let unknown = Arc::new(Mutex::new(unknown));
    // Nothing comes: it ends when all have been asked for.
    let (asking, asked) = mpsc::channel::<()>();
    for _ in 0..threads {
        let (unknown, asking) = (unknown.clone(), asking.clone());
        let ask = move || {
            let _asking = asking;
            loop {
                let next = unknown.lock().pop_front();
                let Some(endpoint) = next else { return };
                endpoint.resolve();
            }
        };
        // Without a thread the prober asks.
        let _ = std::thread::Builder::new().name("resolver".into()).spawn(ask);
    }
    drop(asking);
    // Its end is an error, as is that of the time; and what is not asked for by then, the prober asks for.
    let _ = asked.recv_timeout(LONGEST_WAIT);
    unknown.lock().clear();
}
