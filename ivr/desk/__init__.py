"""What a call may ask of the world: one module a service. They never import each other, nor the rooms beside."""
