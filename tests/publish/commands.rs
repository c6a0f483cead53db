//! Messages of others that reach the daemon.

use super::{connected, options, quick, start};
use crate::common::{Mosquitto, PATIENCE, client_id, wait_for};
use posed::publish::{Incoming, commands};
use rumqttc::{Client, MqttOptions, QoS};

/// A client that publishes what is asked of it.
fn other(broker: &Mosquitto) -> Client {
    let mut options = MqttOptions::new(client_id(), "127.0.0.1", broker.port);
    options.set_max_packet_size(8 << 20, 8 << 20);
    let (client, mut connection) = Client::new(options, 10);
    std::thread::spawn(move || connection.iter().take_while(Result::is_ok).count());
    client
}

#[test]
fn commands_arrive_also_after_a_restart_of_the_broker() {
    let mut broker = Mosquitto::start();
    let publisher = start(options(broker.port));
    let received = publisher.subscribe(&commands::filters("posed"));
    let status = publisher.subscribe(&["homeassistant/status".into()]);
    for (index, round) in ["ON", "OFF"].into_iter().enumerate() {
        wait_for("the subscription", || {
            (broker.log().matches("homeassistant/status (QoS 1)").count() > index).then_some(())
        });
        let client = other(&broker);
        client.publish("posed/hall/enabled/set", QoS::AtLeastOnce, false, round).unwrap();
        client.publish("posed/hall/state", QoS::AtLeastOnce, false, "not a command").unwrap();
        client.publish("homeassistant/status", QoS::AtLeastOnce, false, "online").unwrap();
        let want = |topic: &str, payload: &str| Incoming {
            topic: topic.into(),
            payload: payload.into(),
            retained: false,
        };
        assert_eq!(received.recv_timeout(PATIENCE).unwrap(), want("posed/hall/enabled/set", round));
        assert_eq!(status.recv_timeout(PATIENCE).unwrap(), want("homeassistant/status", "online"));
        if index == 0 {
            broker.down();
            broker.up();
            connected(&publisher);
        }
    }
    assert_eq!(publisher.incoming_dropped(), 0);
}

#[test]
fn a_command_that_is_too_long_ends_commands_and_nothing_else() {
    let broker = Mosquitto::start();
    let client = other(&broker);
    client.publish("posed/hall/enabled/set", QoS::AtLeastOnce, true, vec![b'x'; 3 << 20]).unwrap();
    wait_for("the message", || broker.log().contains("posed/hall/enabled/set").then_some(()));
    let publisher = start(quick(broker.port));
    let received = publisher.subscribe(&commands::filters("posed"));
    assert!(received.recv().is_err(), "the channel ends");
    let subscriber = crate::common::Subscriber::start(&broker);
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    wait_for("poses", || {
        publisher.poses("hall", b"{}");
        subscriber.messages().iter().any(|m| m.topic == "posed/hall/poses").then_some(())
    });
}
