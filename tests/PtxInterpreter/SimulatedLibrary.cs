using System.Runtime.InteropServices;
using System.Text;

namespace Faith.PtxInterpreter;

/// <summary>
/// <see cref="SimulatedDriver"/> as a native library, for those who load the CUDA driver by name as ILGPU does. The library is
/// written here, byte by byte: a shared object for Linux on x64 whose functions jump to the managed ones.
/// </summary>
/// <remarks>
/// The first to ask ILGPU for CUDA devices settles for its whole process which driver it has: that must not be before a hook is
/// set.
/// </remarks>
public static unsafe class SimulatedLibrary
{
    private const string TableName = "simulated_functions";

    private static readonly Lazy<nint> Loaded = new(Load);

    /// <summary>True where such a library can be loaded: Linux on x64.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>
    /// Handle of the library, as <see cref="NativeLibrary.Load(string)"/> gives it, for a hook of one's own. It is written and
    /// loaded once a process.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException"><see cref="IsSupported"/> is false.</exception>
    public static nint Handle => Loaded.Value;

    private static nint Load()
    {
        if (!IsSupported)
            throw new PlatformNotSupportedException("the simulated driver is a library for Linux on x64");
        var functions = SimulatedDriver.Exports;
        var path = Path.Combine(Path.GetTempPath(), $"simulated-cuda-{Guid.NewGuid():N}.so");
        try
        {
            File.WriteAllBytes(path, Write([.. functions.Keys]));
            var handle = NativeLibrary.Load(path);
            var table = (nint*)NativeLibrary.GetExport(handle, TableName);
            foreach (var address in functions.Values)
                *table++ = address;
            return handle;
        }
        finally
        {
            // What is loaded stays mapped.
            File.Delete(path);
        }
    }

    /// <summary>
    /// A shared object (ELF) of two segments: headers, symbols and code, one jump a function; then the dynamic section and the table
    /// of addresses that the jumps go through.
    /// </summary>
    private static byte[] Write(string[] names)
    {
        const int page = 4096, headerBytes = 64, segmentBytes = 56, segments = 3, symbolBytes = 24, stubBytes = 16, dynamicBytes = 16 * 7;
        // The first symbol is none, the second one the table.
        var symbols = names.Length + 2;
        var text = new List<byte> { 0 };
        int Text(string value)
        {
            var at = text.Count;
            text.AddRange(Encoding.ASCII.GetBytes(value));
            text.Add(0);
            return at;
        }
        int soname = Text("libsimulatedcuda.so"), tableName = Text(TableName);
        int[] nameAt = [.. names.Select(Text)];

        var symbolsAt = headerBytes + segments * segmentBytes;
        var hashAt = symbolsAt + symbolBytes * symbols;
        var textAt = hashAt + 4 * (3 + symbols);
        var codeAt = (textAt + text.Count + stubBytes - 1) / stubBytes * stubBytes;
        var codeEnd = codeAt + stubBytes * names.Length;
        var dynamicAt = (codeEnd + page - 1) / page * page;
        var tableAt = dynamicAt + dynamicBytes;
        var file = new byte[tableAt + 8 * names.Length];

        // Shared object, x86-64, version 1; where the segments are described.
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file);
        Put(16, (ushort)3);
        Put(18, (ushort)62);
        Put(20, 1);
        Put(32, (long)headerBytes);
        Put(52, (ushort)headerBytes);
        Put(54, (ushort)segmentBytes);
        Put(56, (ushort)segments);
        Put(58, (ushort)64);
        const int load = 1, dynamic = 2, readExecute = 5, readWrite = 6;
        Segment(0, load, readExecute, 0, codeEnd, page);
        Segment(1, load, readWrite, dynamicAt, file.Length - dynamicAt, page);
        Segment(2, dynamic, readWrite, dynamicAt, dynamicBytes, 8);

        const int data = 1, function = 2;
        Symbol(1, tableName, data, tableAt, 8 * names.Length);
        for (var n = 0; n < names.Length; n++)
        {
            var at = codeAt + stubBytes * n;
            Symbol(n + 2, nameAt[n], function, at, 6);
            // jmp [rip + distance to its entry of the table]
            (file[at], file[at + 1]) = (0xff, 0x25);
            Put(at + 2, tableAt + 8 * n - (at + 6));
        }

        // A hash table of one bucket, whose chain holds all symbols.
        Put(hashAt, 1);
        Put(hashAt + 4, symbols);
        Put(hashAt + 8, 1);
        for (var n = 1; n < symbols - 1; n++)
            Put(hashAt + 12 + 4 * n, n + 1);
        text.CopyTo(file, textAt);
        // Name, hash table, strings, symbols, bytes of the strings, bytes of a symbol, end.
        long[] entries = [14, soname, 4, hashAt, 5, textAt, 6, symbolsAt, 10, text.Count, 11, symbolBytes, 0, 0];
        for (var n = 0; n < entries.Length; n++)
            Put(dynamicAt + 8 * n, entries[n]);
        return file;

        void Put<T>(int at, T value) where T : unmanaged => MemoryMarshal.Write(file.AsSpan(at), in value);

        void Segment(int n, int type, int flags, int at, int size, int align)
        {
            var p = headerBytes + segmentBytes * n;
            Put(p, type);
            Put(p + 4, flags);
            // In the file, in memory and physically; in the file and in memory.
            for (var k = 8; k < 32; k += 8)
                Put(p + k, (long)at);
            Put(p + 32, (long)size);
            Put(p + 40, (long)size);
            Put(p + 48, (long)align);
        }

        void Symbol(int n, int name, int type, int at, int size)
        {
            var p = symbolsAt + symbolBytes * n;
            Put(p, name);
            // Global, in some section: there are no sections here, and any number but 0 means defined.
            file[p + 4] = (byte)(16 + type);
            Put(p + 6, (ushort)1);
            Put(p + 8, (long)at);
            Put(p + 16, (long)size);
        }
    }
}
