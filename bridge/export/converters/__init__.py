"""One file a family of estimators; every file registers its converters when it is imported."""
