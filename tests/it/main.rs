//! Stories about the built binary: real sockets, two scripted origins, bytes in and bytes out.
//!
//! Each file tells of one promise. `harness/` is what they are told with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

mod access_log;
mod admin;
mod bad_input;
mod balance;
mod bounds;
mod breaker;
mod cli;
mod demo;
mod diff_cases;
mod drain;
mod endpoints;
mod evidence;
mod fallback;
mod faults;
mod grpc;
mod health;
mod http2;
mod http2_abuse;
mod http2_stalled;
mod http2_up;
mod http2_windows;
mod identity;
mod kept;
mod limits;
mod logs;
mod mirror;
mod names;
mod noise;
mod noise_cost;
mod otlp;
mod privileges;
mod proxy_protocol;
mod queue;
mod quotas;
mod readings;
mod reload;
mod request_id;
mod rollback;
mod smuggling;
mod stages;
mod tls;
mod tracing;
mod transparent;
mod triage;
mod upgrade;
mod uploads;

mod readme;
