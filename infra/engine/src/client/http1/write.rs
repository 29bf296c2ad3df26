//! A request as it goes out: what never changes is copied as it is.

use hulk_scenarios::Method;
use itoa::Buffer;

use crate::client::{Broke, Outgoing, RequestId};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a request.
///
/// # Errors
/// When its path or a header would make another request of it.
pub(super) fn request(request: &Outgoing<'_>, out: &mut String) -> Result<(), Broke> {
    let Outgoing { to, method, rendered, id, .. } = *request;
    if !is_path(&rendered.path) {
        return Err(Broke::Unwritable("a path with a space or a control character"));
    }
    out.push_str(method.name());
    out.push(' ');
    out.push_str(&rendered.path);
    out.push_str(to.front());
    push_id(id, out);
    request.target_headers().for_each(|header| out.push_str(header.line()));
    for (name, value) in &rendered.headers {
        if !is_value(value) {
            return Err(Broke::Unwritable("a header with a control character"));
        }
        out.push_str("\r\n");
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
    }
    let has_body = matches!(method, Method::Post | Method::Put) || !rendered.body.is_empty();
    if has_body {
        out.push_str("\r\ncontent-length: ");
        out.push_str(Buffer::new().format(rendered.body.len()));
    }
    out.push_str("\r\n\r\n");
    out.push_str(&rendered.body);
    Ok(())
}

/// Appends what marks a request.
pub(crate) fn push_id(id: RequestId, out: &mut String) {
    for place in (0..8).rev() {
        out.push(char::from(HEX[(id.run >> (place * 4)) as usize & 15]));
    }
    for number in [id.viewer, id.send] {
        out.push('-');
        out.push_str(Buffer::new().format(number));
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'#')
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte >= b' ' && byte != 0x7f || byte == b'\t')
}
