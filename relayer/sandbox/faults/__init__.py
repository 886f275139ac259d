"""What can go wrong at a venue, by name: combinable, seeded, each where it really happens."""
