"""Live rules of one camera: from where objects stand to what is raised. Pure; without numpy."""
