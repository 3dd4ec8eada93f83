using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Faith.Engine.Hub;

/// <summary>The hashes by which the hub knows files: SHA-256 of large ones, and of small ones the SHA-1 that git gives them.</summary>
internal static partial class HubHash
{
    private const int Sha256Digits = 64, ChunkBytes = 1 << 20;

    /// <summary>Whether a tag is such a hash.</summary>
    internal static bool IsHash(string tag) => Pattern().IsMatch(tag);

    /// <summary>Whether a file has a hash.</summary>
    internal static bool Matches(string path, string hash, CancellationToken cancellation)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        using var sum = IncrementalHash.CreateHash(hash.Length == Sha256Digits ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (hash.Length != Sha256Digits) sum.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {stream.Length}\0")));
        var buffer = new byte[ChunkBytes];
        while (stream.Read(buffer) is > 0 and var count)
        {
            cancellation.ThrowIfCancellationRequested();
            sum.AppendData(buffer, 0, count);
        }
        return Convert.ToHexStringLower(sum.GetHashAndReset()) == hash;
    }

    [GeneratedRegex(@"\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z")]
    private static partial Regex Pattern();
}
