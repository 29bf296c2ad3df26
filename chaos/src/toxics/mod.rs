//! The toxics: one file and one line of the table below each.

mod bandwidth;
mod connection_limit;
mod duplicate;
mod http_body;
mod http_header;
mod http_status;
mod latency;
mod limit_data;
mod loss;
mod noop;
mod reorder;
mod reset_peer;
mod route;
mod slicer;
mod slow_close;
mod slow_start;
mod timeout;

pub use bandwidth::Bandwidth;
pub use connection_limit::ConnectionLimit;
pub use duplicate::Duplicate;
pub use http_body::HttpBody;
pub use http_header::HttpHeader;
pub use http_status::HttpStatus;
use hulk_record::Offset;
pub use latency::Latency;
pub use limit_data::LimitData;
pub use loss::Loss;
pub use noop::Noop;
pub use reorder::Reorder;
pub use reset_peer::ResetPeer;
pub use route::Route;
use serde::Serialize;
use serde_json::Value;
pub use slicer::Slicer;
pub use slow_close::SlowClose;
pub use slow_start::SlowStart;
pub use timeout::Timeout;

use crate::attributes::{AttributeError, Attributes, Reader, merged};
use crate::pipe::{Item, Line};
use crate::toxic::{Protocol, ToxicError};

/// The longest time that a toxic may be told, in ms: a day.
pub(crate) const MS_MAX: i64 = 86_400_000;

/// What a toxic does with the items of one direction of a link. Time comes in as an argument.
pub(crate) trait Logic: Send {
    /// Takes an item that comes at `at`, and says when what becomes of it leaves.
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line);

    /// When and how it ends the whole link, whatever comes.
    fn ending(&self) -> Option<(Offset, Item)> {
        None
    }

    /// How it ends the whole link where it is removed: a stream that lost bytes must not go on.
    fn at_removal(&self) -> Option<Item> {
        None
    }

    /// So many bytes it holds before nothing more is read from the source.
    fn room_bytes(&self) -> usize {
        usize::MAX
    }

    /// What it goes on with when its attributes are changed at `now`.
    fn carry(&self, _now: Offset, _line: &Line) -> Carry {
        Carry::default()
    }

    /// Whether what it holds then leaves as before; else it comes again, at the time when it came.
    fn keeps_held(&self) -> bool {
        false
    }
}

/// What a toxic goes on with when its attributes are changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Carry {
    /// When it began, or what it does was last done.
    pub(crate) since: Option<Offset>,
    /// How many bytes it has counted.
    pub(crate) passed_bytes: u64,
    /// How much of what leaves next is through already, in thousandths of bytes.
    pub(crate) through: i64,
}

/// What a toxic begins with on a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// When.
    pub(crate) now: Offset,
    /// What the link carries.
    pub(crate) protocol: Protocol,
    /// From before its attributes were changed.
    pub(crate) carry: Carry,
}

/// A type of toxics.
trait Kind: Serialize + Sized {
    fn read(reader: &Reader<'_>) -> Self;

    /// What it does with bytes; none where it acts elsewhere.
    fn logic(&self, start: Start) -> Option<Box<dyn Logic>>;
}

const STREAMS: &[Protocol] = &[Protocol::Tcp, Protocol::Http];
const HTTP: &[Protocol] = &[Protocol::Http];
const DATAGRAMS: &[Protocol] = &[Protocol::Udp];
const ALL: &[Protocol] = &[Protocol::Tcp, Protocol::Http, Protocol::Udp];

macro_rules! kinds {
    ($($kind:ident $name:literal $protocols:ident $doc:literal,)+) => {
        /// What a toxic does.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ToxicKind {
            $(#[doc = $doc] $kind($kind),)+
        }

        /// The types of toxics: name, and what it does.
        pub const TOXIC_TYPES: &[(&str, &str)] = &[$(($name, $doc)),+];

        impl ToxicKind {
            fn read_with(name: &str, reader: &Reader<'_>) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind($kind::read(reader))),)+
                    _ => None,
                }
            }

            /// The name of its type.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => $name,)+ }
            }

            /// What a proxy may carry to have it.
            pub fn protocols(&self) -> &'static [Protocol] {
                match self { $(Self::$kind(_) => $protocols,)+ }
            }

            fn json(&self) -> serde_json::Result<Value> {
                match self { $(Self::$kind(kind) => serde_json::to_value(kind),)+ }
            }

            pub(crate) fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
                match self { $(Self::$kind(kind) => kind.logic(start),)+ }
            }
        }
    };
}

kinds! {
    Latency "latency" ALL "bytes come later",
    Bandwidth "bandwidth" ALL "no more bytes a second than that",
    SlowClose "slow_close" STREAMS "the end of a stream comes later",
    Timeout "timeout" STREAMS "nothing comes through, then the connection is closed",
    ResetPeer "reset_peer" STREAMS "the connection is reset",
    Slicer "slicer" STREAMS "the stream comes in small pieces",
    LimitData "limit_data" STREAMS "after so many bytes the connection is closed",
    Noop "noop" ALL "nothing",
    SlowStart "slow_start" STREAMS "a connection is slow first, as over a long way",
    ConnectionLimit "connection_limit" STREAMS "no more connections at a time than that",
    HttpStatus "http_status" HTTP "requests are answered by the proxy",
    HttpHeader "http_header" HTTP "answers have a header more, or less",
    HttpBody "http_body" HTTP "answers have another body",
    Loss "loss" DATAGRAMS "datagrams are lost",
    Duplicate "duplicate" DATAGRAMS "datagrams come twice",
    Reorder "reorder" DATAGRAMS "datagrams are overtaken by others",
}

impl ToxicKind {
    /// The toxic of that type with those attributes; others than its own are ignored.
    ///
    /// # Errors
    /// An unknown type, or the first attribute that is wrong.
    pub fn read(name: &str, attributes: &Attributes) -> Result<Self, ToxicError> {
        let reader = Reader::new(attributes);
        let kind = Self::read_with(name, &reader).ok_or(ToxicError::Type)?;
        match reader.finish().0.into_iter().next() {
            Some(problem) => Err(problem.into()),
            None => Ok(kind),
        }
    }

    /// The same, where every attribute must be one of its own; all that is wrong.
    ///
    /// # Errors
    /// An unknown type as no attribute's error, or all attributes that are wrong.
    pub fn read_strictly(
        name: &str,
        attributes: &Attributes,
    ) -> Result<Self, (Option<ToxicError>, Vec<AttributeError>)> {
        let reader = Reader::new(attributes);
        let Some(kind) = Self::read_with(name, &reader) else {
            return Err((Some(ToxicError::Type), Vec::new()));
        };
        let known = reader.asked_names();
        let (mut problems, strange) = reader.finish();
        for name in strange {
            let problem = format!("is not one of a toxic `{}`: {known}", kind.name());
            problems.push(AttributeError { name, problem });
        }
        if problems.is_empty() { Ok(kind) } else { Err((None, problems)) }
    }

    /// The same kind with some of its attributes changed.
    ///
    /// # Errors
    /// The first attribute that is wrong.
    pub fn changed(&self, attributes: &Attributes) -> Result<Self, ToxicError> {
        Self::read(self.name(), &merged(self.attributes(), attributes))
    }

    /// All attributes of its type; those that Toxiproxy does not have only where they are set.
    pub fn attributes(&self) -> Attributes {
        match self.json() {
            Ok(Value::Object(attributes)) => attributes,
            // None of them has a value that JSON cannot say.
            _ => Attributes::new(),
        }
    }
}
