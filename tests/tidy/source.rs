//! A Rust file as tokens with lines. Tokens, not a syntax tree: so the inside of macros such as
//! `proptest!` is seen too.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use crate::house;

/// Folders whose Rust files are in no shipped crate: tests, and programs that HULK is compared with.
const NOT_SHIPPED: &[&str] = &["tests", "benches"];

pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) lines: usize,
    trees: Vec<TokenTree>,
    /// Not shipped: below a folder of [`NOT_SHIPPED`], or a module under `#[cfg(test)]`.
    pub(crate) test_only: bool,
}

pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) length: usize,
}

/// Every Rust file of the project.
pub(crate) fn all() -> Vec<Source> {
    let rust = house::files().iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
    let mut sources: Vec<Source> = rust.map(|file| Source::new(file)).collect();
    let test_modules: Vec<PathBuf> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let module = source.path.with_extension("");
        source.test_only |= test_modules.iter().any(|test| module.starts_with(test));
    }
    sources
}

/// Every Rust file that is part of a shipped crate.
pub(crate) fn shipped() -> Vec<Source> {
    all().into_iter().filter(|source| !source.test_only).collect()
}

impl Source {
    fn new(path: &Path) -> Self {
        let text = house::read(path);
        let stream = TokenStream::from_str(&text).expect("a file that cargo compiled is Rust");
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let in_tests = path
            .components()
            .any(|part| NOT_SHIPPED.iter().any(|folder| part.as_os_str() == *folder));
        let marked = trees.windows(3).any(|window| {
            is_punct(&window[0], '#') && is_punct(&window[1], '!') && is_cfg_test(&window[2])
        });
        let lines = text.lines().count();
        Self { path: path.to_path_buf(), lines, trees, test_only: in_tests || marked }
    }

    /// `path:line`, as editors open it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// Functions with a body, nested ones and those inside macros included.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        functions(&self.trees, &mut found);
        found
    }

    /// All tokens in reading order, without what is compiled for tests only.
    pub(crate) fn shipped_tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        flatten(&self.trees, true, &mut tokens);
        tokens
    }

    /// Lines of attributes that hold `allow(…)`, also through `cfg_attr`.
    pub(crate) fn allows(&self) -> Vec<usize> {
        let mut found = Vec::new();
        allows(&self.trees, &mut found);
        found
    }

    /// Calls of one of `names`: the line, and the last word of the arguments.
    pub(crate) fn calls(&self, names: &[&str]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        calls(&self.trees, names, &mut found);
        found
    }

    /// Files, without ending, that are modules under `#[cfg(test)]` of this one.
    fn test_modules(&self) -> Vec<PathBuf> {
        let stem = self.path.file_stem().unwrap_or_default();
        let parent = self.path.parent().unwrap_or(Path::new(""));
        let home = ["lib", "main", "mod"].iter().any(|name| stem == *name);
        let folder = if home { parent.to_path_buf() } else { parent.join(stem) };
        let mut modules = Vec::new();
        for (index, tree) in self.trees.iter().enumerate() {
            if is_punct(tree, '#') && self.trees.get(index + 1).is_some_and(is_cfg_test) {
                let item = &self.trees[index..item_end(&self.trees, index)];
                let name = item.windows(2).find(|pair| is_ident(&pair[0], "mod"));
                modules.extend(name.map(|pair| folder.join(pair[1].to_string())));
            }
        }
        modules
    }
}

/// Lines at which `pattern` (as tokens, `::` being one) occurs in `tokens`.
pub(crate) fn find(tokens: &[Token], pattern: &[&str]) -> Vec<usize> {
    let hits = tokens
        .windows(pattern.len())
        .filter(|window| window.iter().zip(pattern).all(|(token, wanted)| token.text == *wanted));
    hits.map(|window| window[0].line).collect()
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_ident(tree: &TokenTree, wanted: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == wanted)
}

fn group_of(tree: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// `[cfg(test)]`, `[cfg(all(test, …))]` or `[test]`.
fn is_cfg_test(tree: &TokenTree) -> bool {
    let Some(attribute) = group_of(tree, Delimiter::Bracket) else { return false };
    match &inside(attribute)[..] {
        [only] => is_ident(only, "test"),
        [cfg, TokenTree::Group(condition)] if is_ident(cfg, "cfg") => {
            match &inside(condition)[..] {
                [only] => is_ident(only, "test"),
                [all, TokenTree::Group(parts)] if is_ident(all, "all") => {
                    inside(parts).iter().any(|part| is_ident(part, "test"))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Just past the item whose first attribute starts at `start`.
fn item_end(trees: &[TokenTree], start: usize) -> usize {
    let mut index = start;
    while trees.get(index).is_some_and(|tree| is_punct(tree, '#')) {
        index += 2;
    }
    let head = &trees[index.min(trees.len())..];
    let function = head.iter().take(6).any(|tree| is_ident(tree, "fn"));
    let plain = ["use", "const", "static", "type", "let"];
    let to_semicolon =
        !function && head.iter().take(3).any(|tree| plain.iter().any(|word| is_ident(tree, word)));
    let ends = |tree: &TokenTree| {
        is_punct(tree, ';') || !to_semicolon && group_of(tree, Delimiter::Brace).is_some()
    };
    head.iter().position(ends).map_or(trees.len(), |offset| index + offset + 1)
}

fn calls(trees: &[TokenTree], names: &[&str], found: &mut Vec<(usize, String)>) {
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let within = inside(group);
        let called = index.checked_sub(1).and_then(|before| trees.get(before));
        if called.is_some_and(|name| names.iter().any(|known| is_ident(name, known))) {
            let last = within.iter().rev().find(|tree| !is_punct(tree, ','));
            let last = last.map(ToString::to_string).unwrap_or_default();
            found.push((tree.span().start().line, last));
        }
        calls(&within, names, found);
    }
}

fn flatten(trees: &[TokenTree], shipped_only: bool, tokens: &mut Vec<Token>) {
    let mut index = 0;
    while let Some(tree) = trees.get(index) {
        let next = trees.get(index + 1);
        if shipped_only && is_punct(tree, '#') && next.is_some_and(is_cfg_test) {
            index = item_end(trees, index);
            continue;
        }
        index += 1;
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => flatten(&inside(group), shipped_only, tokens),
            TokenTree::Punct(punct)
                if punct.as_char() == ':'
                    && punct.spacing() == Spacing::Joint
                    && next.is_some_and(|next| is_punct(next, ':')) =>
            {
                tokens.push(Token { text: "::".into(), line });
                index += 1;
            }
            // A mark in place of a literal: text is no code, but it parts what is left and right.
            TokenTree::Literal(_) => tokens.push(Token { text: "\"\"".into(), line }),
            other => tokens.push(Token { text: other.to_string(), line }),
        }
    }
}

fn functions(trees: &[TokenTree], found: &mut Vec<Function>) {
    for (index, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            functions(&inside(group), found);
        }
        let Some(TokenTree::Ident(name)) = trees.get(index + 1) else { continue };
        if !is_ident(tree, "fn") {
            continue;
        }
        let signature = trees[index..].iter().take_while(|tree| !is_punct(tree, ';'));
        let body = signature.filter_map(|tree| group_of(tree, Delimiter::Brace)).next();
        if let Some(body) = body {
            let line = tree.span().start().line;
            let length = body.span_close().end().line - line + 1;
            found.push(Function { name: name.to_string(), line, length });
        }
    }
}

fn allows(trees: &[TokenTree], found: &mut Vec<usize>) {
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let before = |back: usize, wanted| {
            index.checked_sub(back).is_some_and(|at| is_punct(&trees[at], wanted))
        };
        let attribute = before(1, '#') || before(1, '!') && before(2, '#');
        if attribute && group.delimiter() == Delimiter::Bracket {
            let mut tokens = Vec::new();
            flatten(&inside(group), false, &mut tokens);
            found.extend(tokens.iter().filter(|token| token.text == "allow").map(|t| t.line));
        } else {
            allows(&inside(group), found);
        }
    }
}

#[test]
fn tokens_of_tests_are_told_from_shipped_ones() {
    let text = "use a::b; #[cfg(test)] use c::{d, e}; fn f() { g::now() } \
                #[cfg(test)] #[expect(x)] mod tests { fn h() {} } const I: j::K = 1;";
    let trees: Vec<TokenTree> =
        TokenStream::from_str(text).expect("the sample is Rust").into_iter().collect();
    let mut tokens = Vec::new();
    flatten(&trees, true, &mut tokens);
    for (pattern, count) in [
        (["a", "::", "b"], 1),
        (["g", "::", "now"], 1),
        (["j", "::", "K"], 1),
        (["c", "::", "d"], 0),
    ] {
        assert_eq!(find(&tokens, &pattern).len(), count, "{pattern:?}");
    }
    assert!(find(&tokens, &["h"]).is_empty());
}
