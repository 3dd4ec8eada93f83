using System.Buffers.Binary;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

public sealed class SafetensorsFileTests
{
    private static string Fault(byte[] bytes)
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("bad.safetensors");
        File.WriteAllBytes(path, bytes);
        var message = Assert.Throws<InputException>(() => SafetensorsFile.Open(path).Dispose()).Message;
        Assert.StartsWith(path + ": ", message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static string Fault(string header, int dataBytes) => Fault(SafetensorsWriter.Raw(header, new byte[dataBytes]));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Files_shorter_than_the_prefix_are_refused(int length) => Assert.Contains($"{length} bytes", Fault(new byte[length]));

    [Theory]
    [InlineData(1UL, "cut short")]
    [InlineData(100_000_000UL, "cut short")]
    [InlineData(100_000_001UL, "at most 100000000")]
    [InlineData(0x8000000000000000UL, "at most 100000000")]
    [InlineData(ulong.MaxValue, "at most 100000000")]
    public void Header_lengths_beyond_the_file_are_refused(ulong length, string expected)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        Assert.Contains(expected, Fault(bytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"a\":}")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} x")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}")]
    [InlineData("{\"a\":{\"dtype\":\"\\ud800\",\"shape\":[1],\"data_offsets\":[0,4]}}")]
    public void Malformed_json_is_refused(string header) => Assert.Contains("not valid JSON", Fault(header, 4));

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused()
    {
        var bytes = SafetensorsWriter.Raw("{\"a~\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", new byte[4]);
        bytes[Array.IndexOf(bytes, (byte)'~')] = 0xFF;
        Assert.Contains("not valid JSON", Fault(bytes));
    }

    [Theory]
    [InlineData("[]", "JSON object")]
    [InlineData("{\"__metadata__\":3}", "__metadata__")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "__metadata__")]
    public void Other_json_is_refused(string header, string expected) => Assert.Contains(expected, Fault(header, 0));

    [Theory]
    [InlineData("3", "must be an object")]
    [InlineData("{\"shape\":[2],\"data_offsets\":[0,8]}", "dtype must be")]
    [InlineData("{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}", "dtype must be")]
    [InlineData("{\"dtype\":\"F32\",\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[-1,-2],\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}", "shape must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2]}", "data_offsets must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}", "data_offsets must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}", "data_offsets must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}", "data_offsets must be")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"strides\":[1]}", "unknown field 'strides'")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}", "shape is given twice")]
    [InlineData("{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}", "unknown dtype 'F31'")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}", "too large")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807,9223372036854775807],\"data_offsets\":[0,8]}", "too large")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,9223372036854775807,9223372036854775807],\"data_offsets\":[0,8]}", "takes 0")]
    [InlineData("{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,8]}", "whole byte")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9]}", "outside the 8 bytes")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}", "outside the 8 bytes")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775800,9223372036854775807]}", "outside the 8 bytes")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}", "F32 [1] takes 4")]
    [InlineData("{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,8]}", "F16 [2] takes 4")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8]}", "F32 [] takes 4")]
    public void Bad_entries_are_refused_by_name(string entry, string expected)
    {
        var message = Fault($"{{\"some.weight\":{entry}}}", 8);
        Assert.Contains("tensor 'some.weight'", message);
        Assert.Contains(expected, message);
    }

    private static string Entry(string name, int begin, int end) =>
        $"\"{name}\":{{\"dtype\":\"U8\",\"shape\":[{end - begin}],\"data_offsets\":[{begin},{end}]}}";

    [Fact]
    public void Layouts_must_cover_the_data_once()
    {
        Assert.Contains("'a' and 'b' overlap", Fault($"{{{Entry("b", 3, 8)},{Entry("a", 0, 4)}}}", 8));
        Assert.Contains("'a' and 'b' overlap", Fault($"{{{Entry("a", 0, 8)},{Entry("b", 2, 4)}}}", 8));
        Assert.Contains("1 bytes before tensor 'b'", Fault($"{{{Entry("a", 0, 4)},{Entry("b", 5, 8)}}}", 8));
        Assert.Contains("1 bytes before tensor 'a'", Fault($"{{{Entry("a", 1, 8)}}}", 8));
        Assert.Contains("last 2 bytes", Fault($"{{{Entry("a", 0, 6)}}}", 8));
        Assert.Contains("last 8 bytes", Fault("{}", 8));
        Assert.Contains("'a' is described twice", Fault($"{{{Entry("a", 0, 4)},{Entry("a", 4, 8)}}}", 8));
    }

    [Fact]
    public void Names_from_the_file_cannot_break_the_line_or_flood_it()
    {
        Assert.Contains("'a\\nb'", Fault("{\"a\\nb\":3}", 0));
        Assert.True(Fault($"{{\"{new string('x', 5000)}\":3}}", 0).Length < 500);
    }

    [Fact]
    public void Missing_files_and_directories_are_refused()
    {
        using var directory = new TemporaryDirectory();
        Assert.Contains("not found", Assert.Throws<InputException>(() => SafetensorsFile.Open(directory.File("none"))).Message);
        Assert.Contains("is a directory", Assert.Throws<InputException>(() => SafetensorsFile.Open(directory.Path)).Message);
    }

    [Fact]
    public void Empty_and_scalar_tensors_and_padded_headers_are_read()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("good.safetensors");
        File.WriteAllBytes(path, SafetensorsWriter.Raw(
            "{\"e\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]},\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}     ",
            BitConverter.GetBytes(2.5f)));
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(["e", "s"], file.Tensors.Select(t => t.Name));
        file.Tensors[0].Read(0, []);
        var value = new float[1];
        file.Tensors[1].Read(0, value);
        Assert.Equal(2.5f, value[0]);
    }

    [Fact]
    public void Reads_outside_a_tensor_throw()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("good.safetensors");
        SafetensorsWriter.Write(path, [TensorData.F32("a", [4], [1, 2, 3, 4]), TensorData.F32("b", [4], [5, 6, 7, 8])]);
        using var file = SafetensorsFile.Open(path);
        var a = file.Tensors[0];
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Read(-1, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Read(1, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Read(5, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Read(long.MaxValue, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes(file.Length, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes(-1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes(long.MaxValue, new byte[1]));
        a.Read(4, []);
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void All_16_bit_patterns_are_widened_exactly_from_any_place(string type)
    {
        var patterns = new ushort[65536];
        for (var i = 0; i < patterns.Length; i++) patterns[i] = (ushort)i;
        using var directory = new TemporaryDirectory();
        var path = directory.File("all.safetensors");
        SafetensorsWriter.Write(path, [TensorData.Bits16("x", type, [256, 256], patterns)]);
        using var file = SafetensorsFile.Open(path);
        // Lengths that end inside a vector, and a start that is not aligned to one.
        foreach (var (start, length) in new[] { (0, 65536), (1, 65535), (31744, 5), (2047, 4099) })
        {
            var values = new float[length];
            file.Tensors[0].Read(start, values);
            for (var i = 0; i < length; i++)
            {
                var bits = (ushort)(start + i);
                var expected = type == "F16"
                    ? (float)BitConverter.UInt16BitsToHalf(bits)
                    : BitConverter.UInt32BitsToSingle((uint)bits << 16);
                if (float.IsNaN(expected)) Assert.True(float.IsNaN(values[i]));
                else Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(values[i]));
            }
        }
    }

    [Fact]
    public void The_search_for_infinities_sees_every_place()
    {
        for (var length = 0; length < 70; length++)
        {
            var singles = new uint[length];
            var halves = new ushort[length];
            Array.Fill(singles, 0xFF7FFFFFu);
            Array.Fill(halves, (ushort)0xFBFF);
            Assert.Equal(-1, TensorScan.FirstWithAll<uint>(singles, 0x7F800000u));
            Assert.Equal(-1, TensorScan.FirstWithAll<ushort>(halves, 0x7C00));
            for (var at = 0; at < length; at++)
            {
                singles[at] = 0x7F800001;
                halves[at] = 0xFC00;
                Assert.Equal(at, TensorScan.FirstWithAll<uint>(singles, 0x7F800000u));
                Assert.Equal(at, TensorScan.FirstWithAll<ushort>(halves, 0x7C00));
                singles[at] = 0;
                halves[at] = 0;
            }
        }
    }
}
