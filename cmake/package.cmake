# Installation, pkg-config and CMake package files, and the .deb.
