"""Code that built-in backends share; each module here is imported when a backend is first used."""
