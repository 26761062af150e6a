//! Reading and writing for an enum of streams: as the one that it holds does.

/// `passes_bytes! { Stream { Tcp(stream) => *stream, Unix(stream) => *stream } }`: for each variant, where its stream is.
macro_rules! passes_bytes {
    ($name:ident { $($variant:ident($held:ident) => $stream:expr),+ }) => {
        const _: () = {
            use std::io::{IoSlice, Result};
            use std::pin::Pin;
            use std::task::{Context, Poll};

            use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

            impl AsyncRead for $name {
                fn poll_read(
                    self: Pin<&mut Self>,
                    cx: &mut Context<'_>,
                    buf: &mut ReadBuf<'_>,
                ) -> Poll<Result<()>> {
                    match self.get_mut() { $(Self::$variant($held) => Pin::new(&mut $stream).poll_read(cx, buf),)+ }
                }
            }

            impl AsyncWrite for $name {
                fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
                    match self.get_mut() { $(Self::$variant($held) => Pin::new(&mut $stream).poll_write(cx, buf),)+ }
                }

                fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                    match self.get_mut() { $(Self::$variant($held) => Pin::new(&mut $stream).poll_flush(cx),)+ }
                }

                fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                    match self.get_mut() { $(Self::$variant($held) => Pin::new(&mut $stream).poll_shutdown(cx),)+ }
                }

                fn poll_write_vectored(
                    self: Pin<&mut Self>,
                    cx: &mut Context<'_>,
                    bufs: &[IoSlice<'_>],
                ) -> Poll<Result<usize>> {
                    match self.get_mut() {
                        $(Self::$variant($held) => Pin::new(&mut $stream).poll_write_vectored(cx, bufs),)+
                    }
                }

                fn is_write_vectored(&self) -> bool {
                    match self { $(Self::$variant($held) => $stream.is_write_vectored(),)+ }
                }
            }
        };
    };
}

pub(crate) use passes_bytes;
