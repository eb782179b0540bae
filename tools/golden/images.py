"""tests/golden/images.h: small PNG and JPEG files and their pixels, by Pillow 13.0.0.

usage: python3 tools/golden/images.py > tests/golden/images.h
"""
import io

import numpy as np
import PIL
from PIL import Image

assert PIL.__version__ == "13.0.0", PIL.__version__
rng = np.random.default_rng(1)


def smooth(h, w, c):
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 90 * np.sin(x / (3 + k) + k) * np.cos(y / (4 - k)) for k in range(c)]
    return np.stack(planes, 2).astype(np.uint8)


def packed(image, kind, **options):
    to = io.BytesIO()
    image.save(to, kind, **options)
    return to.getvalue()


def on_white(image):
    a = np.asarray(image.convert("RGBA")).astype(int)
    alpha = a[..., 3:]
    return Image.fromarray(((a[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8))


noise = rng.integers(0, 256, (5, 7, 4), dtype=np.uint8)
deep = Image.fromarray((np.arange(35, dtype=np.uint16).reshape(5, 7) * 1872))
FILES = [  # name, image, format, options, channels in the file, tolerance
    ("png_grey", Image.fromarray(noise[..., 0]), "PNG", {}, 1, 0),
    ("png_colour", Image.fromarray(noise[..., :3]), "PNG", {}, 3, 0),
    ("png_clear", Image.fromarray(noise), "PNG", {}, 3, 0),
    ("png_palette", Image.fromarray(noise[..., :3]).quantize(8), "PNG", {}, 3, 0),
    ("png_bits", Image.fromarray(noise[..., 0]).convert("1"), "PNG", {}, 1, 0),
    ("png_deep", deep, "PNG", {}, 1, 1),
    ("jpeg_grey", Image.fromarray(smooth(11, 13, 1)[..., 0]), "JPEG", {}, 1, 1),
    ("jpeg_colour", Image.fromarray(smooth(20, 17, 3)), "JPEG", {"quality": 90}, 3, 3),
    ("jpeg_progressive", Image.fromarray(smooth(16, 16, 3)), "JPEG", {"progressive": True}, 3, 3),
]


def show(name, data):
    print(f"static const uint8_t {name}[] = {{")
    for i in range(0, len(data), 24):
        print("    " + ", ".join(str(b) for b in data[i : i + 24]) + ",")
    print("};")


print("/* By tools/golden/images.py with Pillow 13.0.0: files, their pixels, sizes. Not for editing. */")
print("/* clang-format off */")
rows = []
for name, image, kind, options, channels, tolerance in FILES:
    data = packed(image, kind, **options)
    read = Image.open(io.BytesIO(data))
    if name == "png_deep":
        pixels = np.rint(np.asarray(deep) / 257).astype(np.uint8)
    elif name == "png_clear":
        pixels = np.asarray(on_white(read))
    else:
        pixels = np.asarray(read.convert("RGB" if channels == 3 else "L"))
    show(name, data)
    show(name + "_pixels", pixels.tobytes())
    rows.append(f'    {{"{name}", {name}, sizeof {name}, {name}_pixels, {pixels.shape[0]}, '
                f"{pixels.shape[1]}, {channels}, {tolerance}}},")
print("static const struct golden_image {\n    const char *name;\n    const uint8_t *file;\n"
      "    size_t size;\n    const uint8_t *pixels;\n    size_t height, width, channels;\n"
      "    int tolerance;\n} golden_images[] = {")
print("\n".join(rows))
print("};")

# Pillow's BILINEAR widens the triangle when it makes images smaller; it rounds between the passes.
source = Image.fromarray(noise[..., :3])
sizes = []
for h, w in [(3, 4), (5, 2), (9, 16), (2, 7), (1, 1)]:
    name = f"resized_{h}_{w}"
    show(name, np.asarray(source.resize((w, h), Image.BILINEAR)).tobytes())
    sizes.append(f"    {{{name}, {h}, {w}}},")
print("static const struct golden_size {\n    const uint8_t *pixels;\n    size_t height, width;\n"
      "} golden_sizes[] = { /* of png_colour */")
print("\n".join(sizes))
print("};")
