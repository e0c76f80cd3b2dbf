// The random numbers of torch on a CPU for a seed: Mersenne twister, uniform, normal and coin tosses.

function twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let next = 624;
  return () => {
    if (next === 624) {
      for (let i = 0; i < 624; i++) {
        const mixed = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
        state[i] = state[(i + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let value = state[next++];
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  };
}

const drawUniform = (draw, count) => Float32Array.from({ length: count }, () => (draw() & 0xffffff) / 0x1000000);

// torch.rand(count)
export const uniform = (seed, count) => drawUniform(twister(seed), count);

// torch.randint(0, 2, (count,)) * 2 - 1
export function signs(seed, count) {
  const draw = twister(seed);
  return Float32Array.from({ length: count }, () => (draw() & 1 ? 1 : -1));
}

// Several draws of torch.randn(count) in a row, for a count that 16 divides.
export function* normals(seed, count) {
  const draw = twister(seed);
  while (true) {
    const values = drawUniform(draw, count);
    for (let start = 0; start < count; start += 16) {
      for (let i = start; i < start + 8; i++) {
        const [radius, angle] = [Math.sqrt(-2 * Math.log(1 - values[i])), 2 * Math.PI * values[i + 8]];
        [values[i], values[i + 8]] = [radius * Math.cos(angle), radius * Math.sin(angle)];
      }
    }
    yield values;
  }
}
