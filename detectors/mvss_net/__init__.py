"""MVSS-Net: noise and boundary artefacts, two ResNet-50 streams."""
