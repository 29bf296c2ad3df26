//! What may be touched: scope, budgets and permits
