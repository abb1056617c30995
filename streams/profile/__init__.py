"""The policy profile: every figure, threshold and text of the policy, from TOML, checked as a whole.

In come the name of a shipped profile or the path of a TOML file, and `--set KEY=VALUE`; out comes a frozen `Profile`.

    layers             a profile and what it extends: reads the files and merges them
    loading            checks a profile; errors name file and keys
    overrides          `--set KEY=VALUE`: dotted keys, and the nearest ones where there is no such key
    profile            all sections together, and the version: name and digest of the content
    section            the base class of sections: strict, frozen, no unknown key
    case_sections      cases, tiers, steps, remedies, segments, goals
    contact_sections   touches, gate, roll-out, limits
    learning_sections  label, time, model, challengers, promotion, drift, scores
    console_sections   who may enter the console
    values             types of values: durations, shares, amounts, names
    consistency        rules between keys
    shipped/           the profiles that come with the package, each figure with its source

For a new key: a field in its section and a line in the files of shipped/ that extend none. For a new rule between
keys: a function in `consistency`.
"""
