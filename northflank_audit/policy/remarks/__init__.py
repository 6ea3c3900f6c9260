"""Files of waivers and annotations: their form, what they cover, and how one is added to a file."""
