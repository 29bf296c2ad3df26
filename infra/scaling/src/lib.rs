//! Autoscaling policies, capacity maths and the reference platform as a pure state machine.

pub mod elasticity;
