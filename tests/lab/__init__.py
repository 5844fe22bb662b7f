"""Two real libvirt hosts, a real broker and Nova's part of a live migration, on one machine."""
