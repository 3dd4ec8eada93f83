using System.Runtime.CompilerServices;

namespace Faith.PtxInterpreter;

/// <summary>
/// Which thread of a block wrote which word of global memory since the block's last barrier: another thread that touches the word
/// before the next barrier races. What a block reads is not kept, so that a write after another thread's read passes.
/// </summary>
public sealed class GlobalWrites
{
    private const int ThreadBits = 11, Threads = (1 << ThreadBits) - 1;

    // A hash table with linear probing. An entry holds a word's number and (epoch << ThreadBits) | thread; entries of older epochs
    // are free, so that a barrier empties the table at once.
    private (ulong Word, long Owner)[] _entries = new (ulong, long)[256];
    private long _epoch = 1;
    private int _count;

    /// <summary>True when anything was written since the last barrier.</summary>
    public bool Any => _count > 0;

    /// <summary>All threads passed a barrier, or a block begins.</summary>
    public void Barrier() => (_epoch, _count) = (_epoch + 1, 0);

    /// <summary>The thread other than <paramref name="thread"/> that wrote one of the words since the last barrier, or −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int OtherWriter(ulong address, int bytes, int thread)
    {
        for (var word = address / 4; word <= (address + (ulong)bytes - 1) / 4; word++)
        {
            var owner = _entries[Find(word)].Owner;
            if (owner >> ThreadBits == _epoch && (owner & Threads) != thread)
                return (int)(owner & Threads);
        }
        return -1;
    }

    /// <summary>Notes a write.</summary>
    /// <returns>Like <see cref="OtherWriter"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Write(ulong address, int bytes, int thread)
    {
        for (var word = address / 4; word <= (address + (ulong)bytes - 1) / 4; word++)
        {
            ref var entry = ref _entries[Find(word)];
            if (entry.Owner >> ThreadBits == _epoch)
            {
                if ((entry.Owner & Threads) != thread)
                    return (int)(entry.Owner & Threads);
                continue;
            }
            entry = (word, _epoch << ThreadBits | (long)thread);
            if (2 * ++_count > _entries.Length)
                Grow();
        }
        return -1;
    }

    // The place of a word of this epoch, or the free one where it would go.
    private int Find(ulong word)
    {
        var mask = _entries.Length - 1;
        var at = (int)(word * 0x9E3779B97F4A7C15 >> 40) & mask;
        while (_entries[at].Word != word && _entries[at].Owner >> ThreadBits == _epoch)
            at = at + 1 & mask;
        return at;
    }

    private void Grow()
    {
        var old = _entries;
        _entries = new (ulong, long)[2 * old.Length];
        foreach (var entry in old)
            if (entry.Owner >> ThreadBits == _epoch)
                _entries[Find(entry.Word)] = entry;
    }
}
