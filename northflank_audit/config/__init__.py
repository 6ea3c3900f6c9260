"""What a run is asked to do: flags, environment and config file, as frozen settings; which rules and waivers.

Nothing is fetched and nothing is written here.
"""
