# The same strip without Node: awk -v strip=<n> -f render.awk scene.txt > strip-<n>.ppm (text PPM, one sample a pixel).
BEGIN { FS = "=" }
/^#/ { next }
NF == 2 { scene[$1] = $2 }
# Without log, sqrt and cos: small builds of awk, as some busyboxes have it, know none of them.
function log2(v,    n, z, w) {
  for (n = 0; v >= 2; n++) v /= 2
  z = (v - 1) / (v + 1); w = z * z
  return n + 2.885390081777927 * z * (1 + w * (1 / 3 + w * (1 / 5 + w * (1 / 7 + w * (1 / 9 + w / 11)))))
}
function root(v,    r, k) { r = (v + 1) / 2; for (k = 0; k < 12; k++) r = (r + v / r) / 2; return r }
function cosine(turns,    a, x, sign) {
  a = turns - int(turns) - 0.5; sign = -1
  if (a < 0) a = -a
  if (a > 0.25) { a = 0.5 - a; sign = 1 }
  x = 6.283185307 * a; x = x * x
  return sign * (1 - x / 2 * (1 - x / 12 * (1 - x / 30 * (1 - x / 56 * (1 - x / 90)))))
}
function wave(t, phase) { return int(255 * (0.5 + 0.5 * cosine(t + phase)) + 0.5) }
END {
  width = scene["width"]; height = scene["height"]; step = scene["span"] / width; limit = scene["iterations"]
  first = int(height * strip / scene["strips"]); last = int(height * (strip + 1) / scene["strips"])
  printf "P3\n%d %d\n255\n", width, last - first
  told = 0
  for (row = first; row < last; row++) {
    cy = scene["center_y"] + (row + 0.5 - height / 2) * step
    for (column = 0; column < width; column++) {
      cx = scene["center_x"] + (column + 0.5 - width / 2) * step
      x = y = n = xx = yy = 0
      while (n < limit && xx + yy <= 256) { y = 2 * x * y + cy; x = xx - yy + cx; xx = x * x; yy = y * y; n++ }
      if (n >= limit) print "0 0 0"
      else {
        t = root(n + 1 - log2(log2(xx + yy) / 2)) * 0.22
        print wave(t, 0.52), wave(t, 0.6), wave(t, 0.73)
      }
    }
    done = int(5 * (row + 1 - first) / (last - first))
    if (done > told) { told = done; printf "strip %d: %d %% of %d rows\n", strip, done * 20, last - first > "/dev/stderr" }
  }
}
