using System.Runtime.InteropServices;

namespace Faith.PtxInterpreter;

/// <summary>The allocations of the simulated GPU. Only addresses inside one of them may be touched.</summary>
public sealed unsafe class GlobalMemory
{
    private readonly Lock _lock = new();
    // Larger allocations are neither filled nor watched for races, so that the system has only those of their pages that are touched.
    private const long MostFilled = 2L << 30;
    private const nuint PageBytes = 64 << 10; // a multiple of the system's

    private readonly SortedDictionary<ulong, (ulong End, int Device, GlobalAccesses? Accesses)> _allocations = [];
    private readonly Dictionary<int, long> _usedBy = [];
    // Sorted starts and ends, replaced as a whole, so that running kernels read them without a lock.
    private volatile Table _table = new([], [], []);

    /// <summary>Bytes allocated now.</summary>
    public long Used { get; private set; }

    /// <summary>Bytes that a device has allocated now.</summary>
    public long UsedBy(int device)
    {
        lock (_lock)
            return _usedBy.GetValueOrDefault(device);
    }

    /// <summary>The most bytes that were allocated at a time since <see cref="StartPeak"/>.</summary>
    public long Peak { get; private set; }

    /// <summary>Starts <see cref="Peak"/> from what is allocated now.</summary>
    public void StartPeak() => Peak = Used;

    /// <summary>
    /// Allocates 256-byte aligned memory filled with a pattern that is NaN as a float and an absurd index as an integer, so
    /// that what is read before it was written shows; more than 2 GiB as it comes.
    /// </summary>
    public ulong Allocate(long bytes, int device = 0)
    {
        var address = (ulong)NativeMemory.AlignedAlloc((nuint)bytes, 256);
        if (bytes <= MostFilled)
            NativeMemory.Fill((void*)address, (nuint)bytes, 0xff);
        lock (_lock)
        {
            _allocations.Add(address, (address + (ulong)bytes, device, bytes <= MostFilled ? new(address, address + (ulong)bytes) : null));
            Take(device, bytes);
            Peak = Math.Max(Peak, Used);
            Publish();
        }
        return address;
    }

    /// <summary>Sets bytes. Of much memory that is set to zero the system takes the pages back, where it can, so that a test can have more of it than the machine.</summary>
    internal static void Fill(byte* start, nuint bytes, byte value)
    {
        const int DontNeed = 4; // what is read of private pages after this is zero
        var (first, end) = (((nuint)start + PageBytes - 1) / PageBytes * PageBytes, ((nuint)start + bytes) / PageBytes * PageBytes);
        if (value != 0 || bytes <= (nuint)MostFilled || !OperatingSystem.IsLinux() || Advise((void*)first, end - first, DontNeed) != 0)
        {
            NativeMemory.Fill(start, bytes, value);
            return;
        }
        NativeMemory.Clear(start, first - (nuint)start);
        NativeMemory.Clear((void*)end, (nuint)start + bytes - end);
    }

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int Advise(void* address, nuint bytes, int advice);

    /// <summary>Frees an allocation; false when there is none at this address.</summary>
    public bool Free(ulong address)
    {
        lock (_lock)
        {
            if (!_allocations.Remove(address, out var allocation))
                return false;
            Take(allocation.Device, -(long)(allocation.End - address));
            Publish();
            allocation.Accesses?.Dispose();
        }
        NativeMemory.AlignedFree((void*)address);
        return true;
    }

    /// <summary>True when all of [address, address + bytes) is in one allocation.</summary>
    public bool Contains(ulong address, ulong bytes) => Find(address, bytes, out _, out _, out _);

    /// <summary>The allocation that all of [address, address + bytes) is in; false when there is none.</summary>
    public bool Find(ulong address, ulong bytes, out ulong start, out ulong end, out GlobalAccesses? accesses)
    {
        var table = _table;
        var (starts, ends) = (table.Starts, table.Ends);
        var index = Array.BinarySearch(starts, address);
        index = index < 0 ? ~index - 1 : index;
        if (index < 0 || address + bytes > ends[index])
        {
            (start, end, accesses) = (address, address + bytes, null);
            return false;
        }
        (start, end, accesses) = (starts[index], ends[index], table.Accesses[index]);
        return true;
    }

    private void Take(int device, long bytes)
    {
        Used += bytes;
        _usedBy[device] = _usedBy.GetValueOrDefault(device) + bytes;
    }

    private void Publish() => _table = new([.. _allocations.Keys], [.. _allocations.Values.Select(a => a.End)], [.. _allocations.Values.Select(a => a.Accesses)]);

    private sealed record Table(ulong[] Starts, ulong[] Ends, GlobalAccesses?[] Accesses);
}
