"""What doors can say and do: ports, drivers, and the registry that names them."""
