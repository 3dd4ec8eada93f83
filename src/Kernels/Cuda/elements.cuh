// What the operations on elements share: their loop and the operands of most. All are bound by memory: the bytes are those of the
// operands read and written once, a few operations an element. 256 threads, four elements a thread.
#pragma once
#include "prelude.cuh"

struct ElementParameters {
    Tensor a, b, y;
    float value;
};

// Runs store(row, column, load(row, column)) for every element: a thread takes four columns 256 apart and loads all of them
// before it stores the first, so that y may be x itself and four loads are under way at once. Blocks have 256 threads.
template <class Value, class Load, class Store> DEVICE void forElements(int rows, int columns, Load load, Store store) {
    for (int row = blockY(); row < rows; row += gridY())
        for (long long first = blockX() * 1024LL + threadIndex(); first < columns; first += gridX() * 1024LL) {
            Value value[4];
            UNROLL for (int u = 0; u < 4; u++)
                if (first + u * 256 < columns) value[u] = load(row, (int)first + u * 256);
            UNROLL for (int u = 0; u < 4; u++)
                if (first + u * 256 < columns) store(row, (int)first + u * 256, value[u]);
        }
}
