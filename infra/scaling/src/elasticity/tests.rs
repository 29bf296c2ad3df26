use super::*;

const MINUTE_S: f64 = 60.0;

fn steps(demand: &[f64], supply: &[f64]) -> Vec<Step> {
    let pairs = demand.iter().zip(supply).enumerate();
    pairs
        .map(|(n, (&demand, &supply))| Step { at_s: n as f64 * MINUTE_S, demand, supply })
        .collect()
}

fn golden() -> Vec<Step> {
    steps(
        &[4.0, 4.0, 10.0, 10.0, 10.0, 10.0, 6.0, 6.0, 4.0, 4.0],
        &[5.0, 5.0, 5.0, 5.0, 8.0, 10.0, 10.0, 10.0, 7.0, 5.0],
    )
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 5e-4, "{found} is not {wanted}");
}

#[test]
fn golden_trace() {
    let found = measure(&golden(), 10.0 * MINUTE_S, MINUTE_S).unwrap();
    near(found.window_s, 600.0);
    near(found.a_u_units, 1.2);
    near(found.a_o_units, 1.4);
    near(found.theta_u_pct, 12.0);
    near(found.theta_o_pct, 28.3333);
    near(found.theta_o_by_supply_pct, 18.2857);
    near(found.tau_u_pct, 30.0);
    near(found.tau_o_pct, 60.0);
    near(found.instability_pct, 55.5556);
    near(found.jitter_per_min, -0.2);
    near(found.debt_unit_min, 12.0);
    near(found.debt_peak_units, 5.0);
    let base =
        SpeedUpFigures { theta_u_pct: 20.0, theta_o_pct: 40.0, tau_u_pct: 40.0, tau_o_pct: 50.0 };
    let speed_up = speed_up(&base, &SpeedUpFigures::from(&found), [1.0; 4]).unwrap();
    assert!((speed_up - 1.27158).abs() < 5e-6, "{speed_up}");
    let lags = lags(&golden());
    assert_eq!(lags, [Lag { at_s: 120.0, from: 4.0, to: 10.0, lag_s: Some(180.0) }]);
}

#[test]
fn golden_total_of_two_services_hides_nothing() {
    // Twice the same is twice as much of what is counted in units, and the same in percent.
    let own = measure(&golden(), 600.0, MINUTE_S).unwrap();
    let twice = measure_total(&[(&golden(), MINUTE_S), (&golden(), MINUTE_S)], 600.0).unwrap();
    near(twice.debt_unit_min, 24.0);
    near(twice.debt_peak_units, 10.0);
    near(twice.jitter_per_min, -0.4);
    near(twice.theta_u_pct, own.theta_u_pct);
    near(twice.theta_o_by_supply_pct, own.theta_o_by_supply_pct);
    near(twice.tau_u_pct, own.tau_u_pct);
    near(twice.instability_pct, own.instability_pct);
    // Beside ten instances that nobody needs every one is still missing that was.
    let idle = steps(&[0.0], &[10.0]);
    let beside = measure_total(&[(&golden(), MINUTE_S), (&idle, MINUTE_S)], 600.0).unwrap();
    near(beside.debt_unit_min, 12.0);
    near(beside.theta_u_pct, 12.0);
    near(beside.tau_u_pct, 30.0);
    near(beside.tau_o_pct, 100.0);
    near(beside.a_o_units, 11.4);
    // 28.333 % and ten in each of 4, 4, 10, 10, 10, 10, 6, 6, 4, 4.
    near(beside.theta_o_pct, 201.6667);
    assert_eq!(peaks(&[(&golden(), MINUTE_S), (&idle, MINUTE_S)]), (10.0, 20.0));
    assert_eq!(measure_total(&[], 600.0), None);
}

#[test]
fn steps_of_any_length_measure_the_same() {
    let whole = measure(&golden(), 600.0, MINUTE_S).unwrap();
    let mut sparse = golden();
    sparse.dedup_by(|next, kept| (next.demand, next.supply) == (kept.demand, kept.supply));
    assert!(sparse.len() < golden().len());
    let found = measure(&sparse, 600.0, MINUTE_S).unwrap();
    near(found.instability_pct, whole.instability_pct);
    near(found.theta_o_pct, whole.theta_o_pct);
    near(found.debt_unit_min, whole.debt_unit_min);
    near(found.jitter_per_min, whole.jitter_per_min);
}

#[test]
fn no_demand_is_not_divided_by() {
    let idle = measure(&steps(&[0.0, 0.0], &[3.0, 0.0]), 120.0, MINUTE_S).unwrap();
    assert_eq!((idle.theta_u_pct, idle.theta_o_pct), (0.0, 0.0));
    near(idle.a_o_units, 1.5);
    near(idle.theta_o_by_supply_pct, 50.0);
    // Only the second minute has a demand: half of it is missing.
    let late = measure(&steps(&[0.0, 4.0], &[1.0, 2.0]), 120.0, MINUTE_S).unwrap();
    near(late.theta_u_pct, 50.0);
    near(late.theta_o_pct, 0.0);
}

#[test]
fn a_rise_that_supply_never_reaches_has_no_lag() {
    let lags = lags(&steps(&[1.0, 2.0, 9.0], &[2.0, 2.0, 3.0]));
    assert_eq!(lags.iter().map(|lag| lag.lag_s).collect::<Vec<_>>(), [Some(0.0), None]);
}

#[test]
fn nothing_to_measure_is_none() {
    assert_eq!(measure(&[], 60.0, MINUTE_S), None);
    assert_eq!(measure(&golden(), 0.0, MINUTE_S), None);
    assert_eq!(measure(&golden(), f64::NAN, MINUTE_S), None);
    let zero =
        SpeedUpFigures { theta_u_pct: 0.0, theta_o_pct: 1.0, tau_u_pct: 1.0, tau_o_pct: 1.0 };
    assert_eq!(speed_up(&zero, &zero, [1.0; 4]), None);
}
