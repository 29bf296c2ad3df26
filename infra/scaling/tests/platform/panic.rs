//! What is given up when too many watch.

use hulk_record::MatchTime;
use hulk_scaling::{Body, Event, PanicSwitch};

use crate::world::{ONE_EDGE, World, service, spec};

/// A forecast of 1,000 viewers; here ten of each thousand are present.
fn platform() -> World {
    let calls = "calls = [ { service = \"reco\", timeout_ms = 900, optional = true } ]";
    let text = [
        ONE_EDGE,
        "[media]\norigin = \"home\"\nsegment_s = 6\nwindow_segments = 5\nplaylist_ttl_s = 2\n\
         segment_ttl_s = 60\n[media.rendition.240p]\nkbps = 400\n[media.rendition.480p]\nkbps = 1400\n",
        "[panic]\nforecast_viewers = 10_000\nslow_refresh = 0.80\nno_recommendations = 0.95\n\
         static_home = 1.00\nfunnel_jitter = 1.05\nhome = \"home\"\nrecommendation = \"reco\"\n\
         bitrate_cap_kbps = 800\n",
        &service("home", 1e9, 8.0, calls),
        &service("reco", 1e9, 5.0, ""),
        "[[route]]\npath = \"/page\"\nservice = \"home\"\nstatic = true\n\
         bytes = { size = 25_000, by = { query = \"device\", tv = 45_000 } }\n\
         [[route]]\npath = \"/page/trays\"\nservice = \"home\"\nstatic_empty = true\n\
         bytes = { size = 6_000 }\n",
    ]
    .concat();
    World::with(spec(&text), (1.0, 0.01), &[])
}

fn connect(world: &mut World, second: f64, to: usize) {
    let at = MatchTime::from_s(second);
    while (world.platform.connections() as usize) < to {
        world.step(at, Event::Connected { edge: 0 });
    }
    while world.platform.connections() as usize > to {
        world.step(at, Event::Disconnected { edge: 0 });
    }
}

#[test]
fn panic_switches_go_on_in_the_agreed_order() {
    let mut world = platform();
    let mut told = Vec::new();
    for (second, viewers) in
        [79, 80, 94, 95, 99, 100, 104, 105, 95, 94, 90, 89, 72, 71].iter().enumerate()
    {
        connect(&mut world, second as f64, *viewers);
        told.extend(world.switches().into_iter().map(|switch| format!("{viewers}: {switch}")));
    }
    assert_eq!(
        told,
        [
            "80: slow_refresh on",
            "95: no_recommendations on",
            "100: static_home on",
            "105: funnel_jitter on",
            "94: funnel_jitter off",
            "89: static_home off",
            // 0.9 of 95 is 85.5, of 80 it is 72.
            "72: no_recommendations off",
            "71: slow_refresh off",
        ]
    );
    assert!(world.platform.panic().is_empty());
}

#[test]
fn each_switch_gives_up_what_it_says() {
    let mut world = platform();
    assert_eq!(world.asks(0.0, "/page?device=tv", 0.1), (200, 13.0));
    connect(&mut world, 1.0, 95);
    assert_eq!(world.asks(1.0, "/page", 1.1), (200, 8.0), "nobody asks for recommendations");
    assert_eq!(world.status("reco", "").internal, 1);
    assert_eq!(world.asks(2.0, "/reco", 2.1), (200, 5.0), "who asks for them directly gets them");
    connect(&mut world, 3.0, 100);
    let before = world.status("home", "").requests;
    let page = world.ask(3.0, 0, "/page?device=tv");
    let tray = world.ask(3.0, 0, "/page/trays/7");
    let other = world.ask(3.0, 0, "/home");
    let master = world.ask(3.0, 0, "/live/master.m3u8");
    world.run_to(3.5);
    let reply = |id| &world.replies[&id];
    assert_eq!((reply(page).body.clone(), reply(page).latency_ms), (Body::Bytes(45_000), 0.0));
    assert_eq!((reply(tray).status, reply(tray).body.clone()), (200, Body::Text("{}".into())));
    let services = [page, tray, other, master].map(|id| reply(id).service.to_string());
    assert_eq!(services, ["home", "home", "home", "edge"], "each counts where it was asked");
    assert_eq!(world.status("home", "").requests - before, 3);
    let Body::Text(playlist) = &reply(master).body else { panic!("{:?}", reply(master)) };
    assert!(playlist.contains("/240p/") && !playlist.contains("/480p/"), "{playlist}");
    let names: Vec<&str> = reply(page).panic.names().collect();
    assert_eq!(names, ["slow_refresh", "no_recommendations", "static_home"]);
    assert!(!reply(page).panic.has(PanicSwitch::FunnelJitter));
}

#[test]
fn a_switch_that_is_pressed_by_hand_stays_until_it_is_left_to_the_audience() {
    let mut world = platform();
    let force = |world: &mut World, second: f64, on| {
        let switch = PanicSwitch::StaticHome;
        world.step(MatchTime::from_s(second), Event::Force { switch, on });
        world.switches()
    };
    assert_eq!(force(&mut world, 1.0, Some(true)), ["static_home on"]);
    assert_eq!(world.platform.forced(PanicSwitch::StaticHome), Some(true));
    let page = world.ask(1.5, 0, "/page");
    assert_eq!(world.replies[&page].panic.names().collect::<Vec<_>>(), ["static_home"]);
    let home = world.status("home", "");
    assert_eq!((home.requests, home.asked), (1, 0), "the edge answered in its stead");
    connect(&mut world, 2.0, 100);
    assert_eq!(world.switches(), ["slow_refresh on", "no_recommendations on"]);
    // Off by hand although everybody is there, and on again once the audience decides.
    assert_eq!(force(&mut world, 3.0, Some(false)), ["static_home off"]);
    connect(&mut world, 4.0, 104);
    assert!(world.switches().is_empty());
    assert_eq!(force(&mut world, 5.0, None), ["static_home on"]);
    assert_eq!(world.platform.forced(PanicSwitch::StaticHome), None);
    connect(&mut world, 6.0, 0);
    assert_eq!(world.switches().len(), 3, "all go off");
}

#[test]
fn a_platform_without_switches_has_none_to_press() {
    let text = [ONE_EDGE, crate::world::MEDIA, &service("a", 1.0, 1.0, "")].concat();
    let mut world = World::new(&text);
    let switch = PanicSwitch::StaticHome;
    world.step(MatchTime(0), Event::Force { switch, on: Some(true) });
    assert!(world.platform.panic().is_empty());
    assert_eq!(world.platform.forced(switch), None);
}
