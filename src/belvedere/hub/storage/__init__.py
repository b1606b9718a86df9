"""Engine, migrations, object store."""
