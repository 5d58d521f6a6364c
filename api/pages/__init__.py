"""Pages for people, and the files that they load: nothing comes from another host."""
