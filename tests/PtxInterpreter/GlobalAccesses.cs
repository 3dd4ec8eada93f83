using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Faith.PtxInterpreter;

/// <summary>
/// Who last wrote and who read each word of an allocation. Two threads that touch a word, at least one of them writing, race unless
/// they are of one block with a barrier between; of different blocks of a launch nothing orders them. Marks of earlier
/// launches count for nothing; two at the same time must not share an allocation.
/// </summary>
public sealed unsafe class GlobalAccesses : IDisposable
{
    private const int ThreadBits = 12, IntervalBits = 22, ManyBlocks = (1 << ThreadBits) - 1, ManyThreads = ManyBlocks - 1;

    /// <summary>Most barriers that a block may pass.</summary>
    public const int MostIntervals = (1 << IntervalBits) - 1;

    private static long s_blocks;

    private readonly ulong _start;
    // A mark holds the block's number, how many barriers it had passed and the thread; 0: none.
    private readonly ulong* _writers, _readers;

    /// <summary>For the words from an address on.</summary>
    public GlobalAccesses(ulong start, ulong end)
    {
        _start = start;
        var words = (nuint)((end - start) / 4 + 1);
        _writers = (ulong*)NativeMemory.AllocZeroed(words, sizeof(ulong));
        _readers = (ulong*)NativeMemory.AllocZeroed(words, sizeof(ulong));
    }

    /// <summary>The number of a launch's first block; those of all launches are different, and above 0.</summary>
    public static ulong Number(long blocks)
    {
        var last = Interlocked.Add(ref s_blocks, blocks);
        return last >> 64 - IntervalBits - ThreadBits == 0 ? (ulong)(last - blocks + 1) : throw new PtxException($"more than {last - blocks} blocks in one process");
    }

    /// <summary>The mark of a thread.</summary>
    /// <param name="block">The block's number.</param>
    /// <param name="interval">Barriers that the block has passed.</param>
    /// <param name="thread">Number of the thread in the block.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mark(ulong block, int interval, int thread) => block << IntervalBits + ThreadBits | (ulong)interval << ThreadBits | (uint)thread;

    /// <summary>Notes a read.</summary>
    /// <param name="launch">Number of the launch's first block.</param>
    /// <param name="mark">Of the thread.</param>
    /// <param name="address">Of the first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <returns>Which race it is, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? Read(ulong launch, ulong mark, ulong address, int bytes)
    {
        for (var word = (address - _start) / 4; word <= (address + (ulong)bytes - 1 - _start) / 4; word++)
        {
            var reader = Volatile.Read(ref _readers[word]);
            for (ulong seen; reader != mark; reader = seen)
            {
                var next = Joined(launch, reader, mark);
                if (next == reader)
                    break;
                seen = Interlocked.CompareExchange(ref _readers[word], next, reader);
                if (seen == reader)
                    break;
            }
            var writer = Volatile.Read(ref _writers[word]);
            if (Races(launch, writer, mark))
                return $"race: {Thread(mark)} reads global address {_start + 4 * word:x}, {Where(writer, mark)} wrote";
        }
        return null;
    }

    /// <summary>Notes a write.</summary>
    /// <inheritdoc cref="Read"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? Write(ulong launch, ulong mark, ulong address, int bytes)
    {
        for (var word = (address - _start) / 4; word <= (address + (ulong)bytes - 1 - _start) / 4; word++)
        {
            var writer = Volatile.Read(ref _writers[word]);
            if (writer != mark)
                writer = Interlocked.Exchange(ref _writers[word], mark);
            if (Races(launch, writer, mark))
                return $"race: {Thread(mark)} writes global address {_start + 4 * word:x}, {Where(writer, mark)} wrote";
            var reader = Volatile.Read(ref _readers[word]);
            if (Races(launch, reader, mark))
                return $"race: {Thread(mark)} writes global address {_start + 4 * word:x}, {Where(reader, mark)} read";
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_writers);
        NativeMemory.Free(_readers);
    }

    // What is kept of all readers so far and one more.
    private static ulong Joined(ulong launch, ulong readers, ulong mark) =>
        Block(readers) < launch ? mark
        : (readers & ManyBlocks) == ManyBlocks ? readers
        : Block(readers) != Block(mark) ? mark | ManyBlocks
        : readers >> ThreadBits != mark >> ThreadBits ? mark
        : mark & ~(ulong)ManyBlocks | ManyThreads;

    private static bool Races(ulong launch, ulong other, ulong mark) =>
        other != mark && Block(other) >= launch
        && ((other & ManyBlocks) == ManyBlocks || Block(other) != Block(mark) || other >> ThreadBits == mark >> ThreadBits);

    private static ulong Block(ulong mark) => mark >> IntervalBits + ThreadBits;

    private static string Thread(ulong mark) => $"thread {mark & ManyBlocks}";

    private static string Where(ulong other, ulong mark) =>
        (other & ManyBlocks) == ManyBlocks || Block(other) != Block(mark) ? "where another block of the launch"
        : (other & ManyBlocks) == ManyThreads ? "where other threads, with no barrier between," : $"where thread {other & ManyBlocks}, with no barrier between,";
}
