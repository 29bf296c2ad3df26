//! Erlang's loss formula: slots without a queue, and how much load they carry.

/// How often a bisection halves: from any load to the last bit that counts.
const HALVINGS: u32 = 100;

/// Erlang B: the share of arrivals that find all `servers` taken when `offered_erl` Erlangs are
/// offered (arrivals a second × mean seconds of each); a load below 0 counts as 0.
pub fn erlang_b(servers: u32, offered_erl: f64) -> f64 {
    let offered_erl = offered_erl.max(0.0);
    // 1 ÷ B(n) = 1 + n ÷ a · 1 ÷ B(n − 1): only sums of positive numbers, whatever n.
    let inverse = (1..=servers).fold(1.0, |inverse, n| 1.0 + f64::from(n) / offered_erl * inverse);
    1.0 / inverse
}

/// The load in Erlangs that may be offered to `servers` at a share `blocking` of lost arrivals:
/// the inverse of [`erlang_b`]. 0 without servers or blocking, infinite where all may be lost.
pub fn carried_at(servers: u32, blocking: f64) -> f64 {
    if servers == 0 || blocking.is_nan() || blocking <= 0.0 {
        return 0.0;
    }
    if blocking >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, f64::from(servers));
    while erlang_b(servers, high) < blocking {
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if erlang_b(servers, middle) < blocking {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocking_is_that_by_hand() {
        // One server: a ÷ (1 + a) = 1 ÷ 2. Two: (a² ÷ 2) ÷ (1 + a + a² ÷ 2) = 0.5 ÷ 2.5.
        assert_eq!(erlang_b(1, 1.0), 0.5);
        assert!((erlang_b(2, 1.0) - 0.2).abs() < 1e-12);
        assert_eq!((erlang_b(0, 3.0), erlang_b(3, 0.0), erlang_b(3, -1.0)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn slots_carry_what_the_tables_say() {
        assert!((carried_at(5, 0.01) - 1.361).abs() < 5e-4, "{}", carried_at(5, 0.01));
        assert!((carried_at(72, 0.01) - 57.956).abs() < 5e-4, "{}", carried_at(72, 0.01));
        assert_eq!((carried_at(0, 0.01), carried_at(5, 0.0)), (0.0, 0.0));
        assert_eq!(carried_at(5, 1.0), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn what_is_carried_is_blocked_so_often(
            servers in 1_u32..300,
            blocking in 0.0001..0.99_f64,
        ) {
            let found = erlang_b(servers, carried_at(servers, blocking));
            prop_assert!((found - blocking).abs() < 1e-9, "{found} {blocking}");
        }

        #[test]
        fn one_more_server_never_blocks_more(servers in 0_u32..300, offered in 0.0..500.0_f64) {
            prop_assert!(erlang_b(servers + 1, offered) <= erlang_b(servers, offered));
        }
    }
}
