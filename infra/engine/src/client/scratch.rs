//! Buffers of a thread: what a request and an answer need while they are written and read, and
//! nobody while they wait.

use std::cell::RefCell;

use hulk_scenarios::Rendered;

use super::answer::Answer;

/// How much is read at a time, in bytes.
const READ: usize = 64 << 10;
/// Answers that are kept for the next request.
const ANSWERS_KEPT: usize = 64;

thread_local! {
    static RENDERED: RefCell<Rendered> = RefCell::default();
    static WIRE: RefCell<String> = const { RefCell::new(String::new()) };
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
    #[expect(clippy::vec_box, reason = "an answer moves from hand to hand: only its address does")]
    static ANSWERS: RefCell<Vec<Box<Answer>>> = const { RefCell::new(Vec::new()) };
}

/// Lends what a request's parts are written to; not to be called by who has it. So the others.
pub(crate) fn with_rendered<T>(use_it: impl FnOnce(&mut Rendered) -> T) -> T {
    RENDERED.with_borrow_mut(use_it)
}

/// Lends what a request is written to as it goes out; empty.
pub(crate) fn with_wire<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    WIRE.with_borrow_mut(|wire| {
        wire.clear();
        use_it(wire)
    })
}

/// Lends what is read into.
pub(crate) fn with_read_buffer<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    READ_BUFFER.with_borrow_mut(|buffer| use_it(buffer))
}

/// An empty answer.
pub(crate) fn take_answer() -> Box<Answer> {
    ANSWERS.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// An answer that nobody needs any more.
pub(crate) fn give_back(mut answer: Box<Answer>) {
    ANSWERS.with_borrow_mut(|kept| {
        if kept.len() < ANSWERS_KEPT {
            answer.clear();
            kept.push(answer);
        }
    });
}
