// Rotary embedding.
#include "elements.cuh"

struct RotaryParameters {
    Tensor x, cosines, sines, y;
    Indices positions;
    int headDim, inverse;
};

// Sets y = x with the pairs (i, i + r/2) of every head turned. A thread takes a column of the first half of the rotated
// part and its partner, or two columns that are copied. y may be x.
KERNEL(256) rotary(RotaryParameters p) {
    const int half = p.cosines.columns, headDim = p.headDim, pairs = (headDim + 1) / 2, heads = p.x.columns / headDim;
    forElements<Pair>(p.x.rows, heads * pairs,
                      [&](int i, int j) {
                          const int pair = j % pairs;
                          const float *head = p.x.row(i) + j / pairs * headDim;
                          if (pair >= half) {
                              const int c = 2 * half + 2 * (pair - half);
                              return Pair{head[c], c + 1 < headDim ? head[c + 1] : 0.f};
                          }
                          const int position = p.positions[i];
                          const float cosine = p.cosines.row(position)[pair], a = head[pair], b = head[pair + half];
                          const float sine = p.inverse ? -p.sines.row(position)[pair] : p.sines.row(position)[pair];
                          return Pair{a * cosine - b * sine, b * cosine + a * sine};
                      },
                      [&](int i, int j, Pair v) {
                          const int pair = j % pairs, c = pair < half ? pair : 2 * half + 2 * (pair - half);
                          const int partner = pair < half ? pair + half : c + 1;
                          float *head = p.y.row(i) + j / pairs * headDim;
                          head[c] = v.first;
                          if (partner < headDim) head[partner] = v.second;
                      });
}
