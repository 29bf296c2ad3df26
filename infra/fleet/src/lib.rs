//! The control plane: controller, workers and the bus between them
